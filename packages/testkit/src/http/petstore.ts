/** The part of the Swagger Petstore (v2) that examples and the conformance kit call. */
import { type HttpFixture, type RecordedRequest, type Reply, startHttpFixture } from "./server.ts";

/** Where documents and definitions say the store is. */
export const PETSTORE_ORIGIN = "https://petstore.swagger.io";

export interface Pet {
  readonly id: number;
  readonly name: string;
  readonly status: string;
}

export const PETS: readonly Pet[] = [
  { id: 1, name: "Rex", status: "available" },
  { id: 2, name: "Mia", status: "available" },
  { id: 3, name: "Bo", status: "pending" },
  { id: 4, name: "Lou", status: "sold" },
];

export function startPetstore(): Promise<HttpFixture> {
  const pets = new Map(PETS.map((pet) => [pet.id, pet]));
  return startHttpFixture((request) => answer(request, pets));
}

function answer(request: RecordedRequest, pets: Map<number, Pet>): Reply {
  const url = new URL(request.target, PETSTORE_ORIGIN);
  if (url.pathname === "/v2/swagger.json") return { body: PETSTORE_DOCUMENT };
  if (url.pathname === "/v2/pet/findByStatus" && request.method === "GET") {
    const asked = url.searchParams.getAll("status").flatMap((value) => value.split(","));
    const wanted = new Set(asked);
    return { body: [...pets.values()].filter(({ status }) => wanted.has(status)) };
  }
  if (url.pathname === "/v2/pet" && (request.method === "POST" || request.method === "PUT")) {
    const pet = JSON.parse(request.body.toString()) as Pet;
    pets.set(pet.id, pet);
    return { body: pet };
  }
  const id = /^\/v2\/pet\/(\d+)$/.exec(url.pathname)?.[1];
  const pet = id === undefined ? undefined : pets.get(Number(id));
  if (pet === undefined) {
    return { status: 404, body: { code: 1, type: "error", message: "Pet not found" } };
  }
  if (request.method === "DELETE") pets.delete(pet.id);
  return { body: pet };
}

const petResponse = { 200: { description: "successful operation" } };

/** Swagger 2.0. */
export const PETSTORE_DOCUMENT = {
  swagger: "2.0",
  info: { title: "Petstore", version: "1.0.0" },
  host: "petstore.swagger.io",
  basePath: "/v2",
  schemes: ["https", "http"],
  consumes: ["application/json"],
  produces: ["application/json"],
  paths: {
    "/pet": {
      post: {
        operationId: "addPet",
        parameters: [{ in: "body", name: "body", required: true, schema: { type: "object" } }],
        responses: petResponse,
      },
    },
    "/pet/findByStatus": {
      get: {
        operationId: "findPetsByStatus",
        parameters: [
          {
            name: "status",
            in: "query",
            required: true,
            type: "array",
            items: { type: "string", enum: ["available", "pending", "sold"] },
            collectionFormat: "multi",
          },
        ],
        responses: petResponse,
      },
    },
    "/pet/{petId}": {
      parameters: [{ $ref: "#/parameters/petId" }],
      get: { operationId: "getPetById", responses: petResponse },
      delete: {
        operationId: "deletePet",
        parameters: [{ name: "api_key", in: "header", type: "string" }],
        responses: petResponse,
      },
    },
  },
  parameters: {
    petId: { name: "petId", in: "path", required: true, type: "integer", format: "int64" },
  },
};
