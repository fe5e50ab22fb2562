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
  refused: [
    "Static: @Rpc is on the static method s: make it a method of the instance",
    "Getter: @Rpc is on g, which is a getter: it belongs on a method",
    "Field: @Rpc is on f, which is a field: it belongs on a method",
    "Sym: @Rpc is on Symbol(odd): an endpoint needs a name that is a string",
    "Twice: @Rpc is on twice twice: once is enough",
    "Empty has no endpoints: put @Rpc() on the methods that callers may call",
  ],
};
