/** Small real HTTP servers on loopback, for tests and for the conformance kit. */
export { HTTPBIN_ORIGIN, startHttpbin } from "./httpbin.ts";
export { type OAuthFixture, type OAuthOptions, startOAuth } from "./oauth.ts";
export { type Pet, PETS, PETSTORE_DOCUMENT, PETSTORE_ORIGIN, startPetstore } from "./petstore.ts";
export {
  type Handler,
  type HttpFixture,
  type RecordedRequest,
  type Reply,
  startHttpFixture,
} from "./server.ts";
