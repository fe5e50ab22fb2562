/** ms since 1970, with a fraction, which goes on evenly. */
export const wallClock = (): number => performance.timeOrigin + performance.now();
