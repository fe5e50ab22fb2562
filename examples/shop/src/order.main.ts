import { createClient, serve } from "skein";
import { openLedger } from "./ledger.ts";
import { OrderService } from "./order.service.ts";

const client = createClient({ retries: process.env.SHOP_RETRIES !== "off" });
await serve(new OrderService(openLedger(process.env.SHOP_LEDGER ?? "ledger", "order"), client));
process.send?.("ready");
