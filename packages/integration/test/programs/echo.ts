import { Rpc, Service, serve } from "skein";

@Service("echo", { version: "1.0.0" })
class EchoService {
  @Rpc({ idempotent: true }) async say(text: string): Promise<string> {
    return text;
  }
}
await serve(new EchoService());
