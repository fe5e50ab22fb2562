/**
 * What events carry, by name, for `events.publish("user.created", …)` and `@On("user.created")`. Empty until a program adds its own; from then
 * on names that are not in it do not compile:
 * `declare module "skein" { interface Events { "user.created": UserCreated } }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: made to be merged with
export interface Events {}
