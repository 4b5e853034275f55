import { Day, type Draft, type Row, type SampleWorld } from 'tutti';
import { remark } from './remark.ts';
import { placeOf, type Staff } from './staff.ts';

type Kind = Row<'permit'>['kind'];

/** A permit in the making. */
interface Document {
  readonly staff: Staff;
  readonly kind: Kind;
  readonly expiresOn: string;
  readonly finding: 'expired' | 'expiring' | null;
  /** It follows one that has expired or soon will: it is issued by now. */
  readonly renews?: boolean;
}

const notice: Readonly<Record<Kind, number>> = {
  work_permit: 60,
  residence_permit: 60,
  forklift_certificate: 30,
  first_aid_certificate: 30,
};
const kinds = Object.keys(notice) as readonly Kind[];

/** What becomes of a permit: two kinds of finding, three that look like one, and the ordinary case. */
type Fate = 'expired' | 'expiring' | 'renewed' | 'renewed_early' | 'near_miss' | 'ordinary';

/** Adds permits for a part of the staff, the facts among them, and reminders to some of their holders. */
export function addPermits(world: SampleWorld, staff: readonly Staff[]): void {
  const { random, scale } = world;
  const holders = random.shuffle(staff.filter(({ employee }) => employee.leftOn === null));
  const gone = staff.filter(({ employee }) => employee.leftOn !== null);
  const fates = (['expired', 'expiring', 'renewed', 'renewed_early', 'near_miss'] as const).flatMap(
    (fate) => Array.from({ length: 4 * scale }, (): Fate => fate),
  );
  const documents = holders
    .slice(0, 150 * scale)
    .flatMap((each, index) => documentsOf(world, each, fates[index] ?? 'ordinary'));
  // Nobody renews the permits of those who left.
  const lapsed = gone.map(
    (each): Document => ({
      staff: each,
      kind: random.pick(kinds),
      expiresOn: world.day(random.integer(-150, 30)),
      finding: null,
    }),
  );
  const rows = random
    .shuffle([...documents, ...lapsed])
    .map((document, index) => addPermit(world, document, index));
  addReminders(world, rows);
}

function documentsOf(world: SampleWorld, staff: Staff, fate: Fate): readonly Document[] {
  const { random } = world;
  const kind = random.pick(kinds);
  const within = notice[kind];
  const at = (days: number, finding: Document['finding'] = null): Document => ({
    staff,
    kind,
    expiresOn: world.day(days),
    finding,
  });
  switch (fate) {
    case 'expired':
      return [at(-random.pick([1, random.integer(2, 90)]), 'expired')];
    case 'expiring':
      return [at(random.pick([0, within, random.integer(1, within - 1)]), 'expiring')];
    case 'renewed':
      return [at(-random.integer(1, 120)), { ...at(random.integer(200, 1_000)), renews: true }];
    case 'renewed_early':
      return [at(random.integer(0, within)), { ...at(random.integer(300, 1_000)), renews: true }];
    case 'near_miss':
      return [at(within + 1)];
    case 'ordinary':
      return [at(random.integer(within + 1, 1_000))];
  }
}

function addPermit(world: SampleWorld, document: Document, index: number): Draft<'permit'> {
  const { staff, kind, expiresOn, finding, renews } = document;
  const issuedOn = Day.add(expiresOn, -365 * world.random.integer(1, 4));
  const row = world.add('permit', {
    number: `PM${String(index + 1).padStart(6, '0')}`,
    ...placeOf(staff),
    kind,
    issuedOn: renews && issuedOn > world.asOf ? world.asOf : issuedOn,
    expiresOn,
    note: remark(world, finding !== null),
  });
  if (finding) {
    world.expect({
      agent: 'hr.document_expiry_watch',
      kind: `document.${finding}`,
      company: staff.employee.company,
      records: [{ entity: 'permit', id: row.id }],
    });
  }
  return row;
}

/** A reminder went to some holders; the permit is due all the same. */
function addReminders(world: SampleWorld, permits: readonly Draft<'permit'>[]): void {
  const { random } = world;
  const reminded = permits.filter((each) => each.expiresOn <= world.day(60) && random.chance(0.25));
  for (const [index, permit] of random.shuffle(reminded).entries()) {
    world.add('permit_reminder', {
      number: `PR${String(index + 1).padStart(6, '0')}`,
      permit: permit.id,
      department: permit.department,
      dueOn: permit.expiresOn,
      status: random.pick(['sent', 'sent', 'withdrawn']),
    });
  }
}
