/** Entry of the plugin `pulumi-resource-command`: serves the provider to the engine whose address is the argument. */
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import { engineLog } from "../kubernetes/log";
import { service } from "./server";

const address = process.argv.slice(2).find((argument) => !argument.startsWith("-"));
if (address === undefined) throw new Error("this is a Pulumi plugin: the engine starts it, with its own address");

const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
server.addService(ResourceProviderService, service(engineLog(address)) as grpc.UntypedServiceImplementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error !== null) throw error;
    // The engine reads the port from the first line.
    process.stdout.write(`${port}\n`);
});
