import { serve } from "skein";
import { HelloService } from "./hello.ts";

class StartingService extends HelloService {
  async onStart(): Promise<void> {
    process.stdout.write("starting\n");
    await new Promise(() => {});
  }
}
await serve(new StartingService());
