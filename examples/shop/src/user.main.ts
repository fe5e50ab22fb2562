import { serve } from "skein";
import { openLedger } from "./ledger.ts";
import { UserService } from "./user.service.ts";

await serve(new UserService(openLedger(process.env.SHOP_LEDGER ?? "ledger", "user")));
process.send?.("ready");
