import { createClient, Rpc, Service, serve } from "skein";

/** Serves, and writes down when it starts and stops: `onStop` is to have run when the process ends. */
@Service("hello", { version: "1.0.0" })
export class HelloService {
  onStop(): void {
    process.stdout.write("stopped\n");
  }
  @Rpc({ idempotent: true })
  async greet({ name }: { name: string }): Promise<string> {
    return `Hello, ${name}!`;
  }
  @Rpc()
  async slow({ ms }: { ms: number }): Promise<string> {
    process.stdout.write("slow begins\n");
    await new Promise((resolve) => setTimeout(resolve, ms));
    return "done";
  }
}

if (process.argv[2] === "serve") await serve(new HelloService());
if (process.argv[2] === "call") {
  await using client = createClient();
  console.log(await client.service<HelloService>("hello").greet({ name: "Ada" }, { waitForReady: true }));
}
if (process.argv[2] === "wait") {
  // Nobody is there yet, and nothing but the open client keeps the process alive.
  await using client = createClient();
  console.log(
    await client
      .service<HelloService>("hello")
      .greet({ name: "late" }, { waitForReady: true, timeoutMs: 15_000 }),
  );
}
