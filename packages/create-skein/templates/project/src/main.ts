import { serve } from "skein";
import { services } from "./services.js";

// Listens, announces itself and serves. On SIGTERM it deregisters, finishes the calls that run, and exits with 0.
await serve(...services);
