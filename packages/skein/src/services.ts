/**
 * Services by name, for `client.service("user")` without a type argument. Empty until a program adds its own:
 * `declare module "skein" { interface Services { user: UserService } }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: made to be merged with
export interface Services {}
