import { adoption } from "./stories/adoption";
import { claims } from "./stories/claims";
import { content } from "./stories/content";
import { drift } from "./stories/drift";
import { jobs } from "./stories/jobs";
import { kinds } from "./stories/kinds";
import { mutable } from "./stories/mutable";
import { names } from "./stories/names";
import { order } from "./stories/order";
import { provider } from "./stories/provider";
import { unreachable } from "./stories/unreachable";
import { workloads } from "./stories/workloads";
import type { Story } from "./story";

/** Everything that the stand-in is held against the real provider with, the longest first. */
export const stories: Story[] = [
    jobs,
    workloads,
    claims,
    order,
    names,
    drift,
    adoption,
    content,
    unreachable,
    provider,
    kinds,
    mutable,
];
