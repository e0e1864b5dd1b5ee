/** Nothing is made where production is, and nothing that is read is written to. */
import { at, isOneOf, items, kindOf, namespaceOf, type Registered, titleOf } from "./registered";
import type { Told } from "./told";

/** What a resource would make in production's namespace, or on production's cluster by a way of its own. */
export function apart(resource: Registered, { isProduction, production, context }: Told): string[] {
    if (isProduction) {
        return [];
    }
    const isElsewhere = production.context !== context;
    if (resource.type === "pulumi:providers:kubernetes") {
        return isElsewhere && at(resource.props, "context") === production.context
            ? [
                  `${titleOf(resource)} leads to production's cluster, context ${production.context}: write target.context`,
              ]
            : [];
    }
    const namespace = kindOf(resource) === "Namespace" ? at(resource.props, "metadata", "name") : namespaceOf(resource);
    return !isElsewhere && production.namespace !== undefined && namespace === production.namespace
        ? [
              `${titleOf(resource)} stands in production's namespace ${production.namespace}: write another target.namespace`,
          ]
        : [];
}

/** Permissions that some hold in place of a bucket that another one only reads: what is read is the source of a copy. */
export function apartInBuckets(resources: Registered[]): string[] {
    const rights = resources.filter(({ type }) => /^aws:iam\/(user|role)Policy:/.test(type)).map(rightsOf);
    const sources = rights.filter(({ writes }) => writes.length === 0).flatMap(({ reads }) => reads);
    return rights.flatMap(({ resource, writes }) =>
        writes
            .filter((place) => sources.some((source) => overlap(place, source)))
            .map(
                (place) =>
                    `${titleOf(resource)} lets a copy write to ${place}, which is read as a source: write another to.bucket or to.prefix`,
            ),
    );
}

/** Where somebody may read objects, and where they may change them. */
interface Rights {
    resource: Registered;
    reads: string[];
    writes: string[];
}

function rightsOf(resource: Registered): Rights {
    const { policy } = resource.props;
    const statements = typeof policy === "string" ? items(at(JSON.parse(policy), "Statement")) : [];
    const allowing = (...actions: string[]) =>
        statements
            .filter((statement) =>
                listed(at(statement, "Action")).some((action) => isOneOf(action, "*", "s3:*", ...actions)),
            )
            .flatMap((statement) => listed(at(statement, "Resource")))
            .map(String);
    return { resource, reads: allowing("s3:GetObject"), writes: allowing("s3:PutObject", "s3:DeleteObject") };
}

/** IAM takes one word for a list of one. */
function listed(value: unknown): unknown[] {
    return Array.isArray(value) ? value : value === undefined ? [] : [value];
}

/** Whether two of IAM's names for objects, `arn:aws:s3:::bucket/prefix/*`, can mean the same one. */
function overlap(one: string, other: string): boolean {
    const [left, right] = [one, other].map((place) => place.replace(/\*$/, "")) as [string, string];
    return left.startsWith(right) || right.startsWith(left);
}
