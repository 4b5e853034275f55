// Writes docs/sdk.md from the doc comments of what core/index.ts exports; a test of the house compares the two.
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { root } from './checks.ts';

/** Where the page is. */
export const sdkReferencePath: string = join(root, 'docs/sdk.md');

const entry = join(root, 'core/index.ts');

/** The page, as it is to be. */
export function sdkReference(): string {
  const program = openProgram();
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(entry) as ts.SourceFile;
  const module = checker.getSymbolAtLocation(source) as ts.Symbol;
  const files = new Map<string, string[]>();
  for (const exported of checker.getExportsOfModule(module)) {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
    const [declaration] = symbol.declarations ?? [];
    const file = declaration?.getSourceFile().fileName ?? '';
    if (!declaration || file.includes('node_modules')) continue;
    const told = files.get(file) ?? [];
    files.set(file, told);
    told.push(new Told({ checker, name: exported.name, symbol, declaration }).text());
  }
  const sections = [...files].map(([file, told]) => `## ${titleOf(file)}\n\n${told.join('\n')}`);
  return `${head}\n${sections.join('\n')}`;
}

const head = `# The SDK

Everything that \`import { … } from 'tutti'\` brings, by the file that declares it. [write-a-module.md](write-a-module.md) shows how it
goes together, [workflows.md](workflows.md) what a graph is made of. \`z\` is that of [zod](https://zod.dev).

This page is written from the doc comments of what \`core/index.ts\` exports by \`node scripts/sdk-reference.ts\`.
`;

function openProgram(): ts.Program {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [entry] }, ts.sys, root);
  return ts.createProgram([entry], { ...options, incremental: false, types: ['node'] });
}

/** `sdk/tool-category.ts` is "Tool category". */
function titleOf(file: string): string {
  const words = basename(file, '.ts').replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface Subject {
  readonly checker: ts.TypeChecker;
  readonly name: string;
  readonly symbol: ts.Symbol;
  readonly declaration: ts.Declaration;
}

/** One export, as the page tells it. */
class Told {
  readonly #of: Subject;

  constructor(of: Subject) {
    this.#of = of;
  }

  text(): string {
    const { name, symbol, declaration } = this.#of;
    const declarations = symbol.declarations ?? [declaration];
    const parts = [
      ...[`### ${name}`, this.#aboutOf(symbol), ...declarations.map((each) => this.#codeOf(each))],
      ...declarations.map((each) => this.#tableOf(each)),
    ];
    return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
  }

  /** What its doc comment says; tags stand in the text, where the comment has them. */
  #aboutOf(symbol: ts.Symbol): string {
    const said = ts.displayPartsToString(symbol.getDocumentationComment(this.#of.checker));
    const tags = symbol
      .getJsDocTags(this.#of.checker)
      .map(({ name, text }) => `@${name} ${ts.displayPartsToString(text)}`);
    return [said, ...tags]
      .join(' ')
      .replace(/\s+/g, ' ')
      .replaceAll('@default', '*Default:*')
      .replaceAll('@throws', '*Throws:*')
      .trim();
  }

  #codeOf(declaration: ts.Declaration): string {
    if (ts.isSourceFile(declaration)) return this.#namesIn();
    if (ts.isFunctionDeclaration(declaration))
      return isForCallers(declaration, this.#of.symbol) ? fenced(signatureOf(declaration)) : '';
    if (ts.isTypeAliasDeclaration(declaration)) return fenced(codeOf(declaration));
    if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return '';
    const heading = headingOf(declaration);
    // By its name alone it says no more than the title.
    return heading.split(' ').length > 2 ? fenced(heading) : '';
  }

  /** What a namespace holds. */
  #namesIn(): string {
    const { checker, symbol } = this.#of;
    const names = checker.getExportsOfModule(symbol).map(({ name }) => `\`${name}\``);
    return `Holds ${names.join(', ')}.`;
  }

  /** The members of what has some. */
  #tableOf(declaration: ts.Declaration): string {
    const rows = membersOf(declaration).flatMap((member) => {
      const name = member.name?.getText();
      const symbol = member.name && this.#of.checker.getSymbolAtLocation(member.name);
      if (!name || !symbol || /^[#[]/.test(name)) return [];
      const mark = 'questionToken' in member && member.questionToken ? '?' : '';
      return [`| \`${name}${mark}\` | ${cell(typeOf(member))} | ${this.#aboutOf(symbol)} |`];
    });
    return rows.length === 0 ? '' : ['| Member | Type | |', '|---|---|---|', ...rows].join('\n');
  }
}

type Member = ts.ClassElement | ts.TypeElement | ts.ObjectLiteralElementLike | ts.ExportSpecifier;

function membersOf(declaration: ts.Declaration): readonly Member[] {
  if (ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration))
    return [...declaration.members];
  if (!ts.isVariableDeclaration(declaration)) return [];
  const made = withoutCasts(declaration.initializer);
  const parts = made && ts.isCallExpression(made) ? made.arguments : [made];
  return parts.flatMap((part) =>
    part && ts.isObjectLiteralExpression(part) ? part.properties : [],
  );
}

function withoutCasts(made: ts.Expression | undefined): ts.Expression | undefined {
  const isCast = made && (ts.isAsExpression(made) || ts.isSatisfiesExpression(made));
  return isCast ? withoutCasts(made.expression) : made;
}

/** Of overloads, the one with the body is for nobody. */
function isForCallers(declaration: ts.FunctionDeclaration, { declarations }: ts.Symbol): boolean {
  return declaration.body === undefined || declarations?.length === 1;
}

function signatureOf(declaration: ts.FunctionDeclaration): string {
  return codeOf(declaration, declaration.body?.getStart());
}

function headingOf(declaration: ts.InterfaceDeclaration | ts.ClassDeclaration): string {
  const text = codeOf(declaration);
  return text.slice(0, text.indexOf('{')).trim();
}

/** A declaration's text, without its comment and what makes it public. */
function codeOf(declaration: ts.Declaration, end = declaration.getEnd()): string {
  const text = declaration.getSourceFile().text.slice(declaration.getStart(), end);
  return text.replace(/^export /, '').trim();
}

function typeOf(member: Member): string {
  if (ts.isMethodDeclaration(member)) {
    const text = codeOf(member, member.body?.getStart()).replace(/^(static|async) /, '');
    return text.slice(text.indexOf('('));
  }
  if (ts.isMethodSignature(member)) return codeOf(member).replace(/^\w+\??/, '');
  if (ts.isGetAccessor(member)) return member.type?.getText() ?? '';
  if (ts.isPropertyAssignment(member)) {
    const made = member.initializer;
    return ts.isArrowFunction(made)
      ? codeOf(made as never, made.equalsGreaterThanToken.getStart())
      : '';
  }
  return 'type' in member && member.type ? member.type.getText() : '';
}

function cell(type: string): string {
  const text = type
    .replace(/\/\*\*.*?\*\//gs, '')
    .replace(/\s+/g, ' ')
    .replace(/;$/, '')
    .replaceAll('|', '\\|');
  return text === '' ? '' : `\`${text}\``;
}

function fenced(code: string): string {
  return `\`\`\`ts\n${code}\n\`\`\``;
}

if (import.meta.main) writeFileSync(sdkReferencePath, sdkReference());
