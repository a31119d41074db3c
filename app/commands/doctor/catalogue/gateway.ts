import type { CatalogueEntry } from './entry.ts'

/** What is found at the servers behind a gateway. */
export const gateway = {
  'gateway.target_unreachable': {
    severity: 'error',
    title: 'A server behind the gateway cannot be reached',
    expected: 'an answer at the URL of the server (to), from the machine of the gateway',
    cure: 'Start the server, or correct its URL: to in the file, --to on the command line. Run the doctor where the gateway runs: inside a container, 127.0.0.1 is the container itself.',
  },
  'gateway.target_refuses': {
    severity: 'error',
    title: 'A server behind the gateway has a sign-in of its own',
    expected: 'an answer to a request of the gateway other than 401 and 403',
    cure: 'Name a variable with a credential that the server takes: "identity": {"credentialEnv": "NAME"}, or --credential-env NAME. If it has one, correct its value or its header. Or turn the sign-in of the server off: the gateway is in front of it. Tokens of people are not passed on.',
  },
  'gateway.target_refuses_strangers': {
    severity: 'warning',
    title: 'A server behind the gateway refuses a request without a caller',
    expected: 'an answer to a request without an identity other than 401 and 403',
    cure: 'Nothing, if the server checks what the gateway says of the caller (docs/identity-to-target.md): the doctor has no caller. Else it has a sign-in of its own: turn it off, or name a variable with a credential: "identity": {"credentialEnv": "NAME"}, or --credential-env NAME.',
  },
  'gateway.target_not_mcp': {
    severity: 'error',
    title: 'There is no MCP endpoint at the URL of a server behind the gateway',
    expected: 'an answer to a message of MCP, without a redirect',
    cure: 'Correct the path of its URL: to in the file, --to on the command line. A server that speaks only HTTP+SSE of 2024-11-05 needs "transport": "sse" or --transport sse, any other needs none.',
  },
  'gateway.headers_not_compared': {
    severity: 'error',
    title: 'A server is declared to compare headers, and does not',
    expected: 'a refusal where Mcp-Method or Mcp-Name differs from the body (revision 2026-07-28)',
    cure: 'Take "mcpHeaders": "compared" out of the declaration, or update the server. The gateway reads the body; forward auth would go by the headers, and a client could name one tool there and call another.',
  },
  'gateway.command_missing': {
    severity: 'error',
    title: 'The command of a server behind the gateway cannot be started',
    expected: 'a program that PATH of the gateway leads to, and that may be run',
    cure: 'Install the program, or give its whole path. In the file, arguments are members of their own: no shell splits them.',
  },
  'gateway.target_unchecked': {
    severity: 'note',
    title: 'What answers here stands in front of an MCP server, which was not looked at',
    expected: 'to be told what is behind the gateway: it does not tell strangers',
    cure: 'Run the doctor on the machine of the gateway and repeat what the gateway was started with: --gateway FILE, --to URL, or -- and the command.',
  },
  'gateway.command_fails': {
    severity: 'error',
    title: 'The command of a server behind the gateway does not speak MCP',
    expected: 'an answer to initialize or server/discover on standard output',
    cure: 'Start the command by hand and read its standard error. It gets PATH, HOME and their like, and the variables that pass or --pass names; it must write nothing but messages to standard output.',
  },
} as const satisfies Record<string, CatalogueEntry>
