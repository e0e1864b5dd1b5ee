/** Name of the project, which begins every key of a stack file. */
export const project = "understudy";
