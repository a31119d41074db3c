import type { Draft, Subject } from './draft.ts'
import { apiKeys } from './providers/api-keys.ts'
import { auth0 } from './providers/auth0.ts'
import { azure, organizations } from './providers/azure.ts'
import { cloudflareAccess, googleIap, loadBalancer } from './providers/gateways.ts'
import { github, githubForPeople } from './providers/github.ts'
import { google, googleForDomain } from './providers/google.ts'
import {
  introspection,
  introspectionLater,
  introspectionOfClients,
  introspectionOfKind,
  oktaOrg,
} from './providers/introspection.ts'
import { moreProducts } from './providers/more-products.ts'
import { oidc, oidcForClients } from './providers/oidc.ts'
import { okta, oktaMachine } from './providers/okta.ts'
import { oidcForPeople } from './providers/people.ts'
import { adfs, clerk, cognito, keycloak, zitadel } from './providers/products.ts'
import { routed } from './providers/routed.ts'
import { serviceAccounts } from './providers/service-accounts.ts'
import { tenants } from './providers/tenants.ts'
import { userinfo, userinfoForAudience } from './providers/userinfo.ts'

/** Changes know the draft of their own subject only. */
const plain = <D extends Draft>(subject: Subject<D>) => subject as unknown as Subject

export const subjects: readonly Subject[] = [
  ...[
    oidc,
    oidcForClients,
    oidcForPeople,
    auth0,
    okta,
    oktaMachine,
    azure,
    organizations,
    keycloak,
    cognito,
    zitadel,
    adfs,
    clerk,
    serviceAccounts,
    ...moreProducts,
    cloudflareAccess,
    googleIap,
    loadBalancer,
    tenants,
  ].map(plain),
  ...[introspection, introspectionOfKind, introspectionLater, introspectionOfClients, oktaOrg].map(plain),
  ...[google, googleForDomain, github, githubForPeople, userinfo, userinfoForAudience].map(plain),
  plain(apiKeys),
  plain(routed),
]
