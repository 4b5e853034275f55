import { defineModule } from 'tutti';
import { agents } from './agents.ts';
import { tools } from './tools.ts';

export { codeReviewer } from './agents/code-reviewer.ts';
export { dataAnalyst } from './agents/data-analyst.ts';
export { documentationWriter } from './agents/documentation-writer.ts';
export { projectManager } from './agents/project-manager.ts';
export { securityAnalyst } from './agents/security-analyst.ts';
export { systemArchitect } from './agents/system-architect.ts';
export { testingSpecialist } from './agents/testing-specialist.ts';
export { dataAnalysisTeam, developmentTeam, type TeamOptions } from './teams.ts';

/** Tools and agents for any company: files, HTTP, data, reports, messages. */
export const general = defineModule({ name: 'general', version: '1.0.0', tools, agents });
