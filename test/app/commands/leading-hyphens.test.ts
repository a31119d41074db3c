import { expect, it } from 'vitest'
import { createProgram } from '../../../app/commands/index.ts'
import { withoutLeadingHyphens } from '../../../app/commands/leading-hyphens.ts'

const ID = '-GZ9sEUZp4x8HmS4r_PBiGj34paZNgpSnRri3zb136r'

it.each<[string[], string[]]>([
  [
    ['clients', 'revoke', ID, '--as', 'ops'],
    ['clients', 'revoke', '--as', 'ops', '--', ID],
  ],
  [
    ['sessions', 'end', `-${ID}`],
    ['sessions', 'end', '--', `-${ID}`],
  ],
  [
    ['explain', ID, '--json'],
    ['explain', '--json', '--', ID],
  ],
  // Values of options, options that are misspelled, and what follows -- stay as they are.
  [
    ['sessions', 'list', '--client', ID],
    ['sessions', 'list', '--client', ID],
  ],
  [
    ['sessions', 'end', '--clinet', 'one'],
    ['sessions', 'end', '--clinet', 'one'],
  ],
  [
    ['gateway', '--port', '3000', '--', 'server', ID],
    ['gateway', '--port', '3000', '--', 'server', ID],
  ],
])('%j is read as %j', async (args, read) => {
  expect(withoutLeadingHyphens(await createProgram(args[0]), args)).toEqual(read)
})
