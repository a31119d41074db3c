import {
  createJwtValidator,
  defineAdapter,
  InvalidTokenError,
  isHostWithin,
  issuerOptions,
  providerOptions,
  resourceSpellings,
  scopesFrom,
  textListNonEmpty,
  z,
} from 'idplug'

const options = providerOptions.extend({
  audience: textListNonEmpty
    .optional()
    .describe('Accepted aud values. Default: the URL of this server. Acme console > APIs > Identifier.'),
  workspace: z.string().min(1).describe('Id of the one workspace whose users are accepted. Acme console > Workspace.'),
})

/** Acme ID. Scopes are in `permissions`, the immutable id is `uid`, and `sub` is a login name. */
export const adapter = defineAdapter({
  name: 'acme',
  title: 'Acme ID',
  options,
  mistakes({ metadataUrl }) {
    if (!isHostWithin(new URL(metadataUrl), 'console.acme.example')) return {}
    return { metadataUrl: 'is the address of the console; the issuer is on id.acme.example' }
  },
  create({ metadataUrl, audience, workspace }, context) {
    return createJwtValidator(
      {
        ...issuerOptions(metadataUrl),
        audience: { audience: audience ?? resourceSpellings(context) },
        types: ['at+jwt'],
        subjectClaim: 'uid',
        subject: claims => claims.uid,
        clientId: claims => claims.app,
        scopes: claims => scopesFrom(claims, ['permissions']),
        principalType: claims => (claims.bot === true ? 'service' : 'user'),
        tenant: claims => claims.workspace,
        check(claims) {
          if (claims.workspace === workspace) return
          throw new InvalidTokenError({
            kind: 'acme.other_workspace',
            detail: `the token is of a user of another workspace than ${workspace}`,
            cure: 'sign in with an account of that workspace, or set workspace to the right one',
          })
        },
      },
      context,
    )
  },
})
