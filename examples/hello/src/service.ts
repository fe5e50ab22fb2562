import { Rpc, Service, serve } from "skein";

@Service("hello", { version: "1.0.0" })
export class HelloService {
  @Rpc({ idempotent: true })
  async greet({ name }: { name: string }): Promise<string> {
    return `Hello, ${name}!`;
  }
}
await serve(new HelloService());
