import { accessSync, constants, readFileSync, statfsSync } from 'node:fs';

/** Where Linux keeps files in memory. */
const memory = '/dev/shm';
/** What three processes of the tests and their servers need at most, twice. */
const neededBytes = 4 * 1024 ** 3;

/**
 * Lets this process and its children have their temporary files in memory, where there is plenty: of what making, copying and removing
 * databases takes on a disk, most is the disk's. A folder that somebody has chosen with TMPDIR stays.
 */
export function keepTempFilesInMemory(): void {
  if (process.env.TMPDIR === undefined && isFit()) process.env.TMPDIR = memory;
}

function isFit(): boolean {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return Math.min(bavail * bsize, process.availableMemory()) >= neededBytes && mayRunPrograms();
  } catch {
    // Another system, or a closed folder.
    return false;
  }
}

/** Some tests run what they have written; containers may forbid that there. */
function mayRunPrograms(): boolean {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const options = mounts.map((line) => line.split(' ')).findLast(([, place]) => place === memory);
  return options !== undefined && !options[3]?.split(',').includes('noexec');
}
