export { type CreateExtras, type CreateIo, runCreate } from "./cli.ts";
export { type CreatedProject, type CreateOptions, createProject } from "./create-project.ts";
export { type NewService, newService } from "./new-service.ts";
export { createPrompt, type Prompt } from "./prompt.ts";
export { Refusal } from "./refusal.ts";
