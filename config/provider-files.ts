import adfs from './adfs.json' with { type: 'json' }
import auth0 from './auth0.json' with { type: 'json' }
import authentik from './authentik.json' with { type: 'json' }
import azure from './azure.json' with { type: 'json' }
import b2c from './b2c.json' with { type: 'json' }
import clerk from './clerk.json' with { type: 'json' }
import cognito from './cognito.json' with { type: 'json' }
import demo from './demo.json' with { type: 'json' }
import descope from './descope.json' with { type: 'json' }
import github from './github.json' with { type: 'json' }
import google from './google.json' with { type: 'json' }
import introspection from './introspection.json' with { type: 'json' }
import keycloak from './keycloak.json' with { type: 'json' }
import logto from './logto.json' with { type: 'json' }
import oidc from './oidc.json' with { type: 'json' }
import okta from './okta.json' with { type: 'json' }
import ping from './ping.json' with { type: 'json' }
import supabase from './supabase.json' with { type: 'json' }
import userinfo from './userinfo.json' with { type: 'json' }
import workos from './workos.json' with { type: 'json' }
import zitadel from './zitadel.json' with { type: 'json' }

/**
 * The configuration of each provider, by its name: the adapter, the metadata URL, and which variables the options are taken from.
 * Imported, so that bundles have them too.
 */
export const providerFiles: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  adfs,
  auth0,
  authentik,
  azure,
  b2c,
  clerk,
  cognito,
  demo,
  descope,
  github,
  google,
  introspection,
  keycloak,
  logto,
  oidc,
  okta,
  ping,
  supabase,
  userinfo,
  workos,
  zitadel,
}
