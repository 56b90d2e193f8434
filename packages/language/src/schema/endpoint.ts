/** Where something outside is found (reference, "Endpoint" and "External Resource"). */
import { referenceableAuthentication } from "./authentication.ts";
import { runtimeExpression, uriOrExpression, uriTemplate } from "./common.ts";
import { documented, either, named, object, string } from "./type.ts";
import type { Static } from "./type.ts";

const endpointObject = object({
  must: { uri: uriOrExpression },
  may: { authentication: referenceableAuthentication },
});

export const endpoint = named("endpoint", () => endpointType);
const endpointType = documented(
  "A URI, a URI template, an expression, or an object that also says how to authenticate.",
  either("a URI, an expression, or { uri: … }", runtimeExpression, uriTemplate, endpointObject),
);

export const externalResource = object({ must: { endpoint }, may: { name: string() } });
export type ExternalResource = Static<typeof externalResource>;
