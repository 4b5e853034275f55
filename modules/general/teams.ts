import { defineModule, defineWorkflow, type Module, z } from 'tutti';
import { codeReviewer } from './agents/code-reviewer.ts';
import { dataAnalyst } from './agents/data-analyst.ts';
import { documentationWriter } from './agents/documentation-writer.ts';
import { systemArchitect } from './agents/system-architect.ts';
import { testingSpecialist } from './agents/testing-specialist.ts';
import { tailor } from './tailor.ts';

/** What a team is made with. */
export interface TeamOptions {
  /** Lower snake case: name of its module and of its workflow. */
  readonly name: string;
  /** Tools of loaded modules that its agents may call beside their own. @default none */
  readonly tools?: Readonly<Record<string, Module['tools'][number]>>;
  /** What its agents should know: the business, the house rules. @default nothing */
  readonly about?: string;
}

const version = '1.0.0';
const task = z.string().min(1).max(20_000);
const requires = ['general'] as const;

/**
 * A team that turns data into a report, as a module to load beside `general`, with what is in it: its workflow, of the same name, takes `{ task, rows, groupBy,
 * title, path }`, has the analyst compute and the writer write, and brings `{ summary, figures, caveats, document }`.
 */
export function dataAnalysisTeam({ name, tools, about }: TeamOptions) {
  const analyst = tailor(dataAnalyst, { tools, also: about });
  const writer = tailor(documentationWriter, { also: about });
  const { rows, groupBy } = dataAnalyst.input.shape;
  const { path, title } = documentationWriter.input.shape;
  const workflow = defineWorkflow({
    name,
    description: 'Analyses data and writes a report on it.',
    input: z.object({ task, rows, groupBy, title, path }),
    graph(graph) {
      const { input } = graph;
      const analysis = graph.task({
        id: 'analysis',
        agent: analyst,
        input: { task: input.task, rows: input.rows, groupBy: input.groupBy },
      });
      const { summary, figures, caveats } = analysis.output;
      const material = graph.compute({
        id: 'material',
        value: [{ heading: 'Summary', text: summary }],
      });
      const report = graph.task({
        id: 'report',
        agent: writer,
        input: {
          task: input.task,
          title: input.title,
          path: input.path,
          material: material.output,
          ...{ figures, caveats },
        },
      });
      return { summary, figures, caveats, document: report.output.document };
    },
  });
  const agents = [analyst, writer];
  const module = defineModule({ name, version, requires, agents, workflows: [workflow] });
  return { module, workflow, analyst, writer };
}

/**
 * A team for software in some languages, as a module to load beside `general`, with what is in it: its workflow, of the same name, takes
 * `{ task, constraints, files }`, has the architect design, the reviewer review the files and the tester plan tests for what the review is
 * about, and brings `{ design, review, tests }`. The architect and the tester need a model.
 */
export function developmentTeam({
  name,
  languages,
  tools,
  about,
}: TeamOptions & { readonly languages: readonly string[] }) {
  const also = [`This team writes ${languages.join(', ')}.`, about].filter(Boolean).join('\n');
  const architect = tailor(systemArchitect, { tools, also });
  const reviewer = tailor(codeReviewer, { tools, also });
  const tester = tailor(testingSpecialist, { tools, also });
  const workflow = defineWorkflow({
    name,
    description: 'Designs, reviews the code at hand, and plans its tests.',
    input: z.object({
      task,
      constraints: systemArchitect.input.shape.constraints,
      files: codeReviewer.input.shape.files,
    }),
    graph(graph) {
      const { input } = graph;
      const design = graph.task({
        id: 'design',
        agent: architect,
        input: { task: input.task, constraints: input.constraints },
      });
      const review = graph.task({
        id: 'review',
        agent: reviewer,
        after: [design],
        input: { task: input.task, files: input.files },
      });
      const concerns = graph.compute({
        id: 'concerns',
        value: [design.output.summary, review.output.summary],
      });
      const tests = graph.task({
        id: 'tests',
        agent: tester,
        input: {
          task: input.task,
          files: input.files,
          concerns: concerns.output,
        },
      });
      return { design: design.output, review: review.output, tests: tests.output };
    },
  });
  const agents = [architect, reviewer, tester];
  const module = defineModule({ name, version, requires, agents, workflows: [workflow] });
  return { module, workflow, architect, reviewer, tester };
}
