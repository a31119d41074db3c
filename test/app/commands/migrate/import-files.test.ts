import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import { describe, expect, it } from 'vitest'
import { type ImportFilesOptions, writeImportFiles } from '../../../../app/commands/migrate/import-files.ts'
import { openUserFile, type UserSource } from '../../../../app/commands/migrate/user-file.ts'
import { temporaryFolder } from '../../../support/temporary-files.ts'

/** A folder of its own for lists and files. */
function workshop() {
  const folder = temporaryFolder()
  const out = join(folder, 'out')
  const read = (name: string) => readFileSync(join(out, name), 'utf8')
  return {
    out,
    read,
    list(name: string, content: string): Promise<UserSource> {
      writeFileSync(join(folder, name), content)
      return openUserFile(join(folder, name))
    },
    write: (options: Omit<ImportFilesOptions, 'folder'>) => writeImportFiles({ ...options, folder: out }),
    rejected: () => parse(read('rejected.csv'), { columns: true }) as { row: string; id: string; reason: string }[],
    names: () => readdirSync(out).sort(),
  }
}

const HEADER = 'id,username,name,given_name,family_name,email,email_verified,scopes\n'
const ADA = '1,ada,Ada Lovelace,,,ada@example.com,true,notes:read notes:write\n'
const BEN = '2,ben,Ben Bitdiddle,,,ben@example.com,false,\n'

/** A list of that many users, as JSON lines. */
const many = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    JSON.stringify({ id: `user-${index}`, name: `Given${index} Family`, email: `user${index}@example.com` }),
  ).join('\n')

describe('files for an import', () => {
  it('are a JSON array for Auth0, with the ids kept and said in pairs.csv', async () => {
    const { list, write, read } = workshop()
    const summary = await write({ source: await list('users.csv', HEADER + ADA + BEN), target: 'auth0' })
    expect(summary).toEqual({ written: 2, rejected: 0, files: ['auth0-0001.json'], kept: 0 })
    expect(JSON.parse(read('auth0-0001.json'))).toEqual([
      {
        user_id: '1',
        email: 'ada@example.com',
        email_verified: true,
        name: 'Ada Lovelace',
        app_metadata: { scopes: ['notes:read', 'notes:write'] },
      },
      { user_id: '2', email: 'ben@example.com', email_verified: false, name: 'Ben Bitdiddle' },
    ])
    expect(read('pairs.csv')).toBe('old_subject,new_subject\n1,auth0|1\n2,auth0|2\n')
  })

  it('are the documented CSV for Okta, without passwords', async () => {
    const { list, write, read } = workshop()
    await write({ source: await list('users.csv', HEADER + ADA), target: 'okta' })
    const [row = {}]: Record<string, string>[] = parse(read('okta-0001.csv'), { columns: true })
    expect(row).toMatchObject({
      login: 'ada@example.com',
      firstName: 'Ada',
      lastName: 'Lovelace',
      email: 'ada@example.com',
    })
    expect(Object.keys(row)).toHaveLength(31)
  })

  it('are the bulk CSV for Entra: two fixed lines, an initial password for each user', async () => {
    const { list, write, read, out } = workshop()
    await write({ source: await list('users.csv', HEADER + ADA + BEN), target: 'azure', domain: 'example.com' })
    const text = read('azure-0001.csv')
    expect(text).toMatch(/^version:v1\.0\nName \[displayName\] Required,User name \[userPrincipalName\] Required,/)
    const rows: Record<string, string>[] = parse(text, { columns: true, from_line: 2 })
    expect(rows.map(row => row['User name [userPrincipalName] Required'])).toEqual([
      'ada@example.com',
      'ben@example.com',
    ])
    const passwords = rows.map(row => row['Initial password [passwordProfile] Required'])
    for (const password of passwords) expect(password).toMatch(/^[a-z]{17}-A\d$/)
    expect(passwords[0]).not.toBe(passwords[1])
    // Passwords in plain text are for the owner of the file alone.
    expect(statSync(join(out, 'azure-0001.csv')).mode & 0o777).toBe(0o600)
  })

  it('are the CSV of Google Workspace, with a password to be changed at the next sign-in', async () => {
    const { list, write, read } = workshop()
    await write({ source: await list('users.csv', HEADER + ADA), target: 'google' })
    expect(parse(read('google-0001.csv'), { columns: true })).toMatchObject([
      {
        'First Name [Required]': 'Ada',
        'Last Name [Required]': 'Lovelace',
        'Email Address [Required]': 'ada@example.com',
        'Org Unit Path [Required]': '/',
        'Change Password at Next Sign-In': 'TRUE',
      },
    ])
  })

  it('for Auth0 hold 500,000 bytes at most, and together everybody once', async () => {
    const { list, write, read } = workshop()
    const { files, written } = await write({ source: await list('users.jsonl', many(10_000)), target: 'auth0' })
    expect(files.length).toBeGreaterThan(1)
    const emails = files.flatMap(name => {
      expect(Buffer.byteLength(read(name))).toBeLessThanOrEqual(500_000)
      return (JSON.parse(read(name)) as { email: string }[]).map(({ email }) => email)
    })
    expect(written).toBe(10_000)
    expect(new Set(emails).size).toBe(10_000)
  })

  it('are split by the number of rows', async () => {
    const { list, write, read } = workshop()
    const { files } = await write({ source: await list('users.jsonl', many(5)), target: 'okta', maxRows: 2 })
    expect(files).toEqual(['okta-0001.csv', 'okta-0002.csv', 'okta-0003.csv'])
    expect(files.map(name => parse(read(name), { columns: true }).length)).toEqual([2, 2, 1])
  })
})

describe('a row that cannot go', () => {
  it.each([
    ['3,,No Mail,,,,,\n', '3', 'has no e-mail address'],
    [',,Nobody,,,a@example.com,,\n', '', 'has no id'],
    ['3,,A B,,,a@evil@example.com,,\n', '3', 'not well formed'],
    ['3,,Again There,,,ADA@example.com,,\n', '3', 'the same e-mail address as row 1'],
    ['3,,=HYPERLINK("x"),,,a@example.com,,\n', '3', 'begins like a formula'],
    ['3,,"A\nB",,,a@example.com,,\n', '3', 'line breaks'],
    ['3,,Plato,,,a@example.com,,\n', '3', 'no first and last name'],
    [`3,,A ${'b'.repeat(61)},,,a@example.com,,\n`, '3', 'more than 60 characters'],
    ['3,,A B,,,a@other.example,,\n', '3', 'is not in example.com'],
    ['3,,A B,,,a@example.com,perhaps?,,,,surplus\n', '', 'Invalid Record Length'],
  ])('is listed with the reason, and the others go: %j', async (line, id, reason) => {
    const { list, write, rejected, read } = workshop()
    const source = await list('users.csv', HEADER + ADA + line + BEN)
    const summary = await write({ source, target: 'google', domain: 'example.com' })
    expect(summary).toMatchObject({ written: 2, rejected: 1 })
    expect(rejected()).toEqual([{ row: '2', id, reason: expect.stringContaining(reason) }])
    expect(parse(read('google-0001.csv'), { columns: true })).toHaveLength(2)
  })

  it('is listed as no formula', async () => {
    const { list, write, read } = workshop()
    await write({ source: await list('users.csv', `${HEADER}=1+1,,A B,,,a@example.com,,\n`), target: 'okta' })
    expect(read('rejected.csv')).toContain("1,'=1+1,")
  })

  it.each([
    ['users.jsonl', `${many(1)}\n{broken\n`],
    ['users.json', '[{"id":"1","name":"A B","email":"a@example.com"},{"id":2}]'],
  ])('of %s is listed too', async (name, content) => {
    const { list, write, rejected } = workshop()
    expect(await write({ source: await list(name, content), target: 'okta' })).toMatchObject({ written: 1 })
    expect(rejected()).toHaveLength(1)
  })
})

describe('a run that was cut off', () => {
  /** The list, whose reading ends with an error after so many rows. */
  const cutOff = (source: UserSource, after: number): UserSource => ({
    ...source,
    async *read() {
      for await (const row of source.read()) {
        if (row.entry.row > after) throw new Error('pulled the plug')
        yield row
      }
    },
  })

  it('goes on at the first file that is not complete, and leaves complete ones as they are', async () => {
    const { list, write, read, names } = workshop()
    const source = await list('users.jsonl', many(7))
    await expect(write({ source: cutOff(source, 5), target: 'azure', maxRows: 2 })).rejects.toThrow('pulled the plug')
    expect(names()).toContain('azure-0002.csv')
    expect(names()).not.toContain('azure-0003.csv')
    const before = read('azure-0001.csv') + read('azure-0002.csv')

    const summary = await write({ source, target: 'azure', maxRows: 2 })
    expect(summary).toMatchObject({ written: 7, kept: 2 })
    // The same passwords still: the files may have been imported already.
    expect(read('azure-0001.csv') + read('azure-0002.csv')).toBe(before)
    const emails = summary.files.flatMap(name =>
      (parse(read(name), { columns: true, from_line: 2 }) as Record<string, string>[]).map(
        row => row['User name [userPrincipalName] Required'],
      ),
    )
    expect(emails).toEqual(Array.from({ length: 7 }, (_, index) => `user${index}@example.com`))
    expect(names().filter(name => name.endsWith('.part'))).toEqual([])
  })

  it('is not taken for that of another list, target or limit', async () => {
    const { list, write, names } = workshop()
    const source = await list('users.jsonl', many(3))
    await write({ source, target: 'okta', maxRows: 1 })
    await expect(write({ source, target: 'okta', maxRows: 2 })).rejects.toThrow('begin anew with --restart')
    await write({ source, target: 'okta', maxRows: 2, restart: true })
    expect(names().filter(name => name.startsWith('okta-'))).toEqual(['okta-0001.csv', 'okta-0002.csv'])
  })
})
