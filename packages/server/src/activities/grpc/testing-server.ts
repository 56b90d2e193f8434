/** A real gRPC server on loopback (grpc-js, proto-loader) and its proto document, for the tests of this folder. */
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  type ServiceDefinition,
} from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import protobuf from "protobufjs";

const PACKAGE = "test.greet.v1";

export const GREETER = `
syntax = "proto3";
package ${PACKAGE};

import "google/protobuf/timestamp.proto";

// import "not/really.proto";
service Greeter {
  rpc SayHello(HelloRequest) returns (HelloReply);
  rpc Count(CountRequest) returns (stream HelloReply);
  rpc Gather(stream HelloRequest) returns (HelloReply);
  rpc Chat(stream HelloRequest) returns (stream HelloReply);
  rpc Fail(FailRequest) returns (HelloReply);
  rpc Endless(CountRequest) returns (stream HelloReply);
  rpc Hang(HelloRequest) returns (HelloReply);
}
message HelloRequest { string name = 1; }
message CountRequest { int32 count = 1; int32 size = 2; }
message FailRequest { int32 code = 1; string message = 2; }
message HelloReply {
  string message = 1;
  int64 serial_number = 2;
  repeated string names = 3;
  map<string, string> metadata = 4;
  google.protobuf.Timestamp at = 5;
}
`;

interface HelloRequest {
  readonly name: string;
}
interface CountRequest {
  readonly count: number;
  readonly size: number;
}
interface FailRequest {
  readonly code: number;
  readonly message: string;
}
interface HelloReply {
  readonly message: string;
  readonly serialNumber?: string;
  readonly names?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly at?: { readonly seconds: number; readonly nanos: number };
}
type AnyCall =
  | ServerUnaryCall<HelloRequest, HelloReply>
  | ServerWritableStream<CountRequest, HelloReply>;

export interface GreeterServer {
  readonly port: number;
  /** Resolves with the call when the next one of `Hang` or `Endless` has arrived. */
  arrived(): Promise<Arrived>;
  close(): void;
}

/** A call of `Hang` or `Endless`. */
export interface Arrived {
  /** Resolves when the server has heard that the client gave it up. */
  readonly cancelled: Promise<void>;
  /** Epoch milliseconds. */
  readonly deadline: number;
}

export interface GreeterOptions {
  readonly credentials?: ServerCredentials;
  /** Instead of the document's own. */
  readonly package?: string;
  /** A status other than 0 refuses the call of `SayHello`. */
  readonly statusOf?: (metadata: Metadata) => number;
}

export async function startGreeter(options: GreeterOptions = {}): Promise<GreeterServer> {
  const server = new Server();
  const waiting: ((arrived: Arrived) => void)[] = [];
  const arrive = (call: AnyCall): void => {
    const cancelled = new Promise<void>((resolve) => call.once("cancelled", resolve));
    waiting.shift()?.({ cancelled, deadline: Number(call.getDeadline()) });
  };
  server.addService(greeterService(options.package ?? PACKAGE), {
    SayHello(call: ServerUnaryCall<HelloRequest, HelloReply>, reply: sendUnaryData<HelloReply>) {
      const code = options.statusOf?.(call.metadata) ?? 0;
      if (code !== 0) return reply({ code, details: "not for you" });
      return reply(null, { ...greeting(call.request.name), metadata: strings(call.metadata) });
    },
    Count(call: ServerWritableStream<CountRequest, HelloReply>) {
      const { count, size } = call.request;
      for (let index = 1; index <= count; index += 1) {
        call.write({ message: size === 0 ? `number ${index}` : "x".repeat(size) });
      }
      call.end();
    },
    Gather(call: ServerReadableStream<HelloRequest, HelloReply>, reply: sendUnaryData<HelloReply>) {
      const names: string[] = [];
      call.on("data", ({ name }: HelloRequest) => names.push(name));
      call.on("end", () => reply(null, { message: "all", names }));
    },
    Chat(call: ServerDuplexStream<HelloRequest, HelloReply>) {
      call.on("data", ({ name }: HelloRequest) => call.write(greeting(name)));
      call.on("end", () => call.end());
    },
    Fail(call: ServerUnaryCall<FailRequest, HelloReply>, reply: sendUnaryData<HelloReply>) {
      const { code, message } = call.request;
      reply({ code, details: message });
    },
    Endless(call: ServerWritableStream<CountRequest, HelloReply>) {
      arrive(call);
      const message = "x".repeat(call.request.size);
      let over = false;
      call.once("cancelled", () => (over = true));
      const more = (): void => {
        if (over) return;
        if (call.write({ message })) setImmediate(more);
        else call.once("drain", more);
      };
      more();
    },
    Hang: arrive,
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = options.credentials ?? ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  return {
    port,
    arrived: () => new Promise((resolve) => waiting.push(resolve)),
    close: () => server.forceShutdown(),
  };
}

function greeting(name: string): HelloReply {
  return {
    message: `Hello ${name}`,
    serialNumber: "9007199254740993",
    at: { seconds: 1_763_733_600, nanos: 500_000_000 },
  };
}

function strings(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata.getMap()).map(([name, value]) => [name, String(value)]),
  );
}

/** The greeter's document for another package. */
export function greeterOf(name: string): string {
  return GREETER.replace(`package ${PACKAGE};`, `package ${name};`);
}

function greeterService(name: string): ServiceDefinition {
  const root = new protobuf.Root();
  const time = protobuf.common.get("google/protobuf/timestamp.proto");
  root.addJSON(time?.nested ?? {});
  protobuf.parse(greeterOf(name), root);
  const definition = fromJSON(root.toJSON(), { longs: String, defaults: true });
  return definition[`${name}.Greeter`] as ServiceDefinition;
}
