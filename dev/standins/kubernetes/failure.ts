import * as grpc from "@grpc/grpc-js";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import { PartlyDone, text } from "./provider";

/** The error for the engine; an object that exists all the same goes with it, so that the state knows of it. */
export function failed(error: unknown): Partial<grpc.StatusObject> {
    const code = grpc.status.UNKNOWN;
    const details = text(error);
    return error instanceof PartlyDone ? { code, details, metadata: withDetail(error) } : { code, details };
}

function withDetail(error: PartlyDone): grpc.Metadata {
    const detail = new ErrorResourceInitFailed();
    detail.setId(error.id);
    detail.setProperties(Struct.fromJavaScript(error.state));
    detail.setReasonsList(error.reasons);
    if (error.inputs !== undefined) detail.setInputs(Struct.fromJavaScript(error.inputs));
    const any = new Any();
    any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
    const status = new Status();
    status.setCode(grpc.status.UNKNOWN);
    status.setMessage(error.message);
    status.addDetails(any);
    const metadata = new grpc.Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
    return metadata;
}
