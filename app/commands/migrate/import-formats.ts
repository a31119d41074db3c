import { randomInt } from 'node:crypto'
import { stringify } from 'csv-stringify/sync'
import type { UserRecord } from './user-file.ts'

/** A user who may go: the address is there and well formed. */
export type ImportableUser = UserRecord & { readonly email: string }

/** How a provider takes in users, and how many at once. */
export interface ImportFormat {
  readonly title: string
  readonly extension: 'json' | 'csv'
  /** Whether an address must be in a domain of the organisation. */
  readonly ownDomainOnly: boolean
  /** Most users in one file. */
  readonly maxRows: number
  /** Largest file, in bytes. */
  readonly maxBytes: number
  readonly before: string
  readonly between: string
  readonly after: string
  /** Why this user cannot go there, in a sentence without a subject. */
  problem(user: ImportableUser): string | undefined
  /** The user as the file has it; always as long for the same user. */
  encode(user: ImportableUser): string
  /** Subject of the user there, where it can be known before. */
  subject?(user: UserRecord): string | undefined
  /** What to do with the files, a step each. */
  readonly steps: readonly string[]
}

export const importTargets = ['auth0', 'okta', 'azure', 'google'] as const
export type ImportTarget = (typeof importTargets)[number]

const OKTA_COLUMNS =
  'login,firstName,lastName,middleName,honorificPrefix,honorificSuffix,email,title,displayName,nickName,profileUrl,secondEmail,mobilePhone,primaryPhone,streetAddress,city,state,zipCode,countryCode,postalAddress,preferredLanguage,locale,timezone,userType,employeeNumber,costCenter,organization,division,department,managerId,manager'
const AZURE_COLUMNS =
  'Name [displayName] Required,User name [userPrincipalName] Required,Initial password [passwordProfile] Required,Block sign in (Yes/No) [accountEnabled] Required,First name [givenName],Last name [surname],Job title [jobTitle],Department [department],Usage location [usageLocation],Street address [streetAddress],State or province [state],Country or region [country],Office [physicalDeliveryOfficeName],City [city],ZIP or postal code [postalCode],Office phone [telephoneNumber],Mobile phone [mobile]'
const GOOGLE_COLUMNS =
  'First Name [Required],Last Name [Required],Email Address [Required],Password [Required],Password Hash Function [UPLOAD ONLY],Org Unit Path [Required],New Primary Email [UPLOAD ONLY],Recovery Email,Home Secondary Email,Work Secondary Email,Recovery Phone [MUST BE IN THE E.164 FORMAT],Work Phone,Home Phone,Mobile Phone,Work Address,Home Address,Employee ID,Employee Type,Employee Title,Manager Email,Department,Cost Center,Building ID,Floor Name,Floor Section,Change Password at Next Sign-In,New Status [UPLOAD ONLY],Advanced Protection Program enrollment'

const GOOGLE_NAME_LENGTH = 60

export const importFormats: Readonly<Record<ImportTarget, ImportFormat>> = {
  // https://auth0.com/docs/manage-users/user-migration/bulk-user-import-schema
  auth0: {
    title: 'Auth0',
    extension: 'json',
    ownDomainOnly: false,
    maxRows: Number.POSITIVE_INFINITY,
    maxBytes: 500_000,
    before: '[\n',
    between: ',\n',
    after: '\n]\n',
    problem: () => undefined,
    encode: user =>
      JSON.stringify({
        user_id: isPlainId(user.id) ? user.id : undefined,
        email: user.email,
        email_verified: user.emailVerified,
        name: user.name,
        given_name: user.givenName,
        family_name: user.familyName,
        app_metadata: user.scopes.length > 0 ? { scopes: user.scopes } : undefined,
      }),
    subject: ({ id }) => (isPlainId(id) ? `auth0|${id}` : undefined),
    steps: [
      'One job for each file, two at a time: POST /api/v2/jobs/users-imports with users=@FILE and the connection_id of the database.',
      'Users set a password by "Forgot password?" at their first sign-in: the demo server has none to take along.',
    ],
  },
  // https://help.okta.com/oie/en-us/content/topics/users-groups-profiles/usgp-import-users-csv.htm
  okta: {
    title: 'Okta',
    extension: 'csv',
    ownDomainOnly: false,
    // Okta states these for its other CSV uploads of people, and none for this one.
    maxRows: 10_000,
    maxBytes: 10_000_000,
    before: `${OKTA_COLUMNS}\n`,
    between: '',
    after: '',
    problem: user => twoNamesProblem(user, 'Okta'),
    encode: user =>
      csvRow(OKTA_COLUMNS, {
        login: user.email,
        firstName: namesOf(user).given,
        lastName: namesOf(user).family,
        email: user.email,
        displayName: user.name,
      }),
    steps: [
      'Admin Console > Directory > People > More actions > Import users from CSV, one file after the other.',
      'The columns are those of the documented template. Where the one that your org offers for download has others, put the rows under its header.',
    ],
  },
  // https://learn.microsoft.com/en-us/entra/identity/users/users-bulk-add
  azure: {
    title: 'Microsoft Entra ID',
    extension: 'csv',
    ownDomainOnly: true,
    // Microsoft names no number: a job has an hour, and is to be split when that is not enough.
    maxRows: 10_000,
    maxBytes: Number.POSITIVE_INFINITY,
    before: `version:v1.0\n${AZURE_COLUMNS}\n`,
    between: '',
    after: '',
    problem: () => undefined,
    encode: user =>
      csvRow(AZURE_COLUMNS, {
        'Name [displayName] Required': user.name ?? user.username ?? user.email,
        'User name [userPrincipalName] Required': user.email,
        'Initial password [passwordProfile] Required': initialPassword(),
        'Block sign in (Yes/No) [accountEnabled] Required': 'No',
        'First name [givenName]': namesOf(user).given,
        'Last name [surname]': namesOf(user).family,
      }),
    steps: [
      'Entra admin center > Users > All users > Bulk operations > Bulk create, one file after the other.',
      'The files hold initial passwords in plain text: hand them out, then delete the files. Users choose their own at the first sign-in.',
    ],
  },
  // https://support.google.com/a/answer/40057
  google: {
    title: 'Google Workspace',
    extension: 'csv',
    ownDomainOnly: true,
    maxRows: 150_000,
    maxBytes: Number.POSITIVE_INFINITY,
    before: `${GOOGLE_COLUMNS}\n`,
    between: '',
    after: '',
    problem(user) {
      const { given = '', family = '' } = namesOf(user)
      if (given.length > GOOGLE_NAME_LENGTH || family.length > GOOGLE_NAME_LENGTH) {
        return `has a name of more than ${GOOGLE_NAME_LENGTH} characters, the most that Google takes`
      }
      return twoNamesProblem(user, 'Google')
    },
    encode: user =>
      csvRow(GOOGLE_COLUMNS, {
        'First Name [Required]': namesOf(user).given,
        'Last Name [Required]': namesOf(user).family,
        'Email Address [Required]': user.email,
        'Password [Required]': initialPassword(),
        'Org Unit Path [Required]': '/',
        'Change Password at Next Sign-In': 'TRUE',
      }),
    steps: [
      'Google Admin console > Directory > Users > Bulk update users > Upload, one file after the other.',
      'The files hold initial passwords in plain text: hand them out, then delete the files. Users choose their own at the first sign-in.',
    ],
  },
}

/** First and last name: as given, else the first word of the name and the rest. */
function namesOf({ givenName, familyName, name }: UserRecord): { given?: string; family?: string } {
  const words = name?.split(/\s+/) ?? []
  return { given: givenName ?? words[0], family: familyName ?? (words.slice(1).join(' ') || undefined) }
}

function twoNamesProblem(user: UserRecord, title: string): string | undefined {
  const { given, family } = namesOf(user)
  return given && family ? undefined : `has no first and last name, and ${title} needs both`
}

function isPlainId(id: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(id)
}

function csvRow(columns: string, cells: Readonly<Record<string, string | undefined>>): string {
  return stringify([columns.split(',').map(column => cells[column] ?? '')])
}

const LETTERS = 'abcdefghijkmnpqrstuvwxyz'
const PASSWORD_LETTERS = 17

/** Begins with a letter, so that no spreadsheet takes it for a formula, and has all kinds of characters that tenants ask for. */
function initialPassword(): string {
  const letters = Array.from({ length: PASSWORD_LETTERS }, () => LETTERS[randomInt(LETTERS.length)]).join('')
  return `${letters}-A${randomInt(10)}`
}
