import type { Module } from 'tutti';
import { codeReviewer } from './agents/code-reviewer.ts';
import { dataAnalyst } from './agents/data-analyst.ts';
import { documentationWriter } from './agents/documentation-writer.ts';
import { projectManager } from './agents/project-manager.ts';
import { securityAnalyst } from './agents/security-analyst.ts';
import { systemArchitect } from './agents/system-architect.ts';
import { testingSpecialist } from './agents/testing-specialist.ts';

/** Every agent of the module, by name in alphabetical order. */
export const agents: Module['agents'] = [
  codeReviewer,
  dataAnalyst,
  documentationWriter,
  projectManager,
  securityAnalyst,
  systemArchitect,
  testingSpecialist,
];
