import { announce } from "skein";

await announce("crm", "127.0.0.1:8080");
