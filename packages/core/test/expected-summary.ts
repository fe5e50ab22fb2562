/** What `summarize` of standard/decorated.ts says, whatever compiled it. */
export const expectedSummary = {
  user: ["user", "2.0.0", "UserService", 1],
  endpoints: [
    "ping unary false normal -",
    "replaced unary true normal -",
    "get unary true critical -",
    "watch server-stream false normal -",
    "upload client-stream false normal -",
    "later server-stream false normal -",
  ],
  replaced: "derived",
  unnamed: "user-profile@1.0.0: ping replaced own",
  derived: "user-profile@1.0.0: ping replaced own more",
  bare: "bare@0.0.0: ping replaced",
  contract: "greeter@0.0.0: greet",
  handlers: [
    "Mailer.book order.placed mail 64",
    "Mailer.book order.paid books 64",
    "Mailer.replaced new.name mail 64",
    "Mailer.welcome user.* mail 64",
    "Mailer.forget cache.> - 1",
  ],
  misplaced: [
    "OnStatic: @On is on the static method s: make it a method of the instance",
    "OnField: @On is on f, which is a field: it belongs on a method",
    'OnTwice: @On("a.b") is on twice twice: once is enough',
    `OnOdd: @On of odd: "a b" cannot be subscribed to: use up to 200 characters: letters, digits, "_" and "-", with dots between, as in "user.created"; "*" stands for one word between dots, ">" at the end for one or more`,
  ],
  refused: [
    "Static: @Rpc is on the static method s: make it a method of the instance",
    "Getter: @Rpc is on g, which is a getter: it belongs on a method",
    "Field: @Rpc is on f, which is a field: it belongs on a method",
    "Sym: @Rpc is on Symbol(odd): an endpoint needs a name that is a string",
    "Twice: @Rpc is on twice twice: once is enough",
    'Empty has no endpoints: put @Rpc() on the methods that callers may call, or @On("user.created") on those that handle events',
  ],
};
