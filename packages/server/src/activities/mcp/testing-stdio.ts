/** The MCP server of the tests as a program: over standard input and output. */
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { mcpServer } from "./testing-server.ts";

await mcpServer().connect(new StdioServerTransport());
