import { serve } from "skein";
import { HelloService } from "./hello.ts";

// A program that handles the failure itself goes on.
const failure = await serve(new HelloService()).catch((error: Error) => error);
console.log("caught:", (failure as Error).message);
