import { expect, test } from "vitest";
import { FairShare } from "./fair-share.ts";

const claimant = () => ({ claims: 0, claimsAt: 0 });

test("counts what was let in, and halves it as time passes", () => {
  const shares = new FairShare();
  const one = claimant();
  shares.look(0, 10);
  for (let i = 0; i < 40; i++) shares.claim(one);
  expect(shares.of(one)).toBe(40);
  shares.look(499, 10);
  expect(shares.of(one)).toBe(40);
  shares.look(500, 10);
  expect(shares.of(one)).toBe(20);
  shares.look(1600, 10);
  expect(shares.of(one)).toBe(5);
  shares.look(1e9, 10);
  expect(shares.of(one)).toBe(0);
});

test("what gives way is not counted any more", () => {
  const shares = new FairShare();
  const one = claimant();
  shares.look(0, 10);
  shares.claim(one);
  shares.giveWay(one);
  expect(shares.of(one)).toBe(0);
  shares.giveWay(one);
  expect(shares.of(one)).toBe(0);
});

test("who had nothing for long has credit for some calls only", () => {
  const shares = new FairShare();
  const crowd = claimant();
  const newcomer = claimant();
  shares.look(0, 10);
  for (let i = 0; i < 40; i++) shares.claim(crowd);
  expect(shares.of(newcomer)).toBe(0);
  shares.giveWay(crowd);
  expect(shares.of(newcomer)).toBe(30);
  shares.claim(newcomer);
  expect(shares.of(newcomer)).toBe(31);
  shares.look(500, 10);
  expect(shares.of(newcomer)).toBe(15);
  expect(shares.of(claimant())).toBe(10);
});
