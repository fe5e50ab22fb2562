import { toGoName } from "@skein/core/internal";

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * How protobuf names a service that has no .proto: `user.User` for `user`, `order_item.OrderItem` for `order-item`, `billing.Invoice` for
 * `billing.invoice`.
 */
export function protoServiceName(service: string): string {
  const [type] = toGoName(service, "x").split(".") as [string];
  const dot = service.lastIndexOf(".");
  const spaces = (dot === -1 ? service : service.slice(0, dot)).split(".");
  return [...spaces.map((space) => space.replaceAll("-", "_")), type].map(identifier).join(".");
}

/** `GetUser` for `getUser`; undefined where the name cannot be one of protobuf's. */
export function protoMethodName(method: string): string | undefined {
  return IDENTIFIER.test(method) ? method.slice(0, 1).toUpperCase() + method.slice(1) : undefined;
}

function identifier(name: string): string {
  return IDENTIFIER.test(name) ? name : `_${name}`;
}
