import { serve } from "skein";
import { HelloService } from "./hello.ts";

class BrokenService extends HelloService {
  async onStart(): Promise<void> {
    throw new Error("no database");
  }
}
await serve(new BrokenService());
