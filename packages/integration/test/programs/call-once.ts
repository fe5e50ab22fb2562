import { createClient } from "skein";

interface Echo {
  say(text: string): Promise<string>;
}

// The process ends by itself once the client is closed.
await using client = createClient();
console.log(await client.service<Echo>("echo").say("hello"));
