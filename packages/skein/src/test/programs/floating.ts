import { serve } from "skein";
import { HelloService } from "./hello.ts";

// Nobody awaits it.
void serve(new HelloService());
