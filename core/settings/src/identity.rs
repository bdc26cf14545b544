//! Credentials that are renewed: who gives their tokens, with everything the environment had to say
//! about it already in place.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Secret;
use crate::address::Address;
use crate::proxy;

/// A credential whose tokens are asked for, used, and asked for again before they expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who gives the tokens.
    pub giver: Giver,
    /// The longest that one question to a token endpoint may take, connection included.
    pub deadline: Duration,
    /// The way to the token endpoints.
    pub proxies: Proxies,
}

impl Identity {
    /// How long a token endpoint may take unless the settings say otherwise. They answer within a
    /// second when they are well; the tokens before are good for a long time yet when they are not.
    pub const DEADLINE: Duration = Duration::from_secs(5);
}

/// Who gives the tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Giver {
    /// Microsoft Entra ID, for Azure.
    Entra(Entra),
    /// AWS: keys that sign each request.
    Aws(Box<Aws>),
    /// Google Cloud.
    Google(Google),
    /// Any server of OAuth 2 client credentials (RFC 6749, 4.4).
    Oauth(Oauth),
}

impl Giver {
    /// The word for it in settings, metrics and messages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Entra(_) => "entra",
            Self::Aws(_) => "aws",
            Self::Google(_) => "google",
            Self::Oauth(_) => "oauth",
        }
    }
}

/// Tokens of Microsoft Entra ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entra {
    /// What the token is for.
    pub scope: String,
    /// How it is asked for.
    pub way: EntraWay,
}

impl Entra {
    /// The scope of Azure's models.
    pub const SCOPE: &str = "https://cognitiveservices.azure.com/.default";
    /// Where tokens of the public cloud come from.
    pub const AUTHORITY: &str = "https://login.microsoftonline.com";
    /// The instance metadata service of a virtual machine.
    pub const METADATA: &str = "http://169.254.169.254";
}

/// How Entra is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntraWay {
    /// An application with a secret.
    Secret {
        /// The application.
        app: EntraApp,
        /// Its secret.
        client_secret: Secret,
    },
    /// Workload identity: an application that shows the token of another issuer.
    Federated {
        /// The application.
        app: EntraApp,
        /// The file that holds the other issuer's token; read anew for each renewal.
        token_file: String,
    },
    /// The managed identity of an App Service or a Function.
    Service {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// Which identity, where there are several.
        client_id: Option<String>,
    },
    /// The managed identity of a virtual machine or a cluster's node.
    Machine {
        /// The instance metadata service.
        endpoint: String,
        /// Which identity, where there are several.
        client_id: Option<String>,
    },
}

/// An application known to Entra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraApp {
    /// Scheme and host of the token endpoint.
    pub authority: String,
    /// The directory.
    pub tenant: String,
    /// The application.
    pub client_id: String,
}

/// Keys of AWS: the first of these that is there, in the order of AWS's own tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aws {
    /// Keys as they are.
    pub keys: Option<AwsKeys>,
    /// A profile that was named; without one `default` is looked for.
    pub profile: Option<String>,
    /// A program that prints keys, and its arguments. Run only because it stands here: one that a
    /// profile names is not.
    pub process: Option<String>,
    /// A role for whoever shows this token.
    pub web_identity: Option<AwsWebIdentity>,
    /// The files of profiles: `config`, then `credentials`.
    pub files: [Option<String>; 2],
    /// The endpoint of a container's role.
    pub container: Option<AwsContainer>,
    /// The instance metadata service; `None` when it is switched off.
    pub metadata: Option<String>,
    /// A role to take on with what the others gave.
    pub role: Option<AwsRole>,
    /// The region to sign for; `None` is that of the provider's address.
    pub region: Option<String>,
    /// The region where neither settings nor address name one.
    pub usual_region: Option<String>,
    /// The service to sign for; `None` is that of the provider's address.
    pub service: Option<String>,
    /// The token service, where it is not the region's own.
    pub sts_url: Option<String>,
    /// The portal of single sign-on, where it is not the region's own.
    pub sso_url: Option<String>,
    /// The folder of single sign-on's tokens.
    pub sso_cache: Option<String>,
}

impl Aws {
    /// The instance metadata service of a virtual machine.
    pub const METADATA: &str = "http://169.254.169.254";
}

/// Keys of AWS as they are written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsKeys {
    /// The public part.
    pub access_key_id: String,
    /// The secret part.
    pub secret_access_key: Secret,
    /// The token of temporary keys.
    pub session_token: Option<Secret>,
}

/// A role that is given for a token of another issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsWebIdentity {
    /// The role.
    pub role: AwsRole,
    /// The file of the token; read anew for each renewal.
    pub token_file: String,
}

/// A role of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsRole {
    /// Its ARN.
    pub arn: String,
    /// The name under which AWS's own logs show it.
    pub session: String,
    /// What a foreign account asks for.
    pub external_id: Option<String>,
}

/// The endpoint that gives a container the keys of its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsContainer {
    /// The whole address.
    pub url: String,
    /// What it is shown.
    pub token: Option<Secret>,
    /// The file of what it is shown; read anew for each renewal.
    pub token_file: Option<String>,
}

/// Tokens of Google Cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Google {
    /// What the token is for.
    pub scope: String,
    /// How it is asked for.
    pub way: GoogleWay,
}

impl Google {
    /// The scope of everything in Google Cloud.
    pub const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
    /// The metadata server of a virtual machine, a cluster or Cloud Run.
    pub const METADATA: &str = "http://metadata.google.internal";
}

/// How Google is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GoogleWay {
    /// With a key file: of a service account, a signed-in user, or a federated workload.
    File(String),
    /// With the text of such a file.
    Text(Secret),
    /// With the well-known file of Application Default Credentials where it is there, else by the
    /// metadata server.
    Usual {
        /// The well-known file, if there is a home folder.
        file: Option<String>,
        /// The metadata server.
        metadata: String,
    },
}

/// Client credentials of OAuth 2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oauth {
    /// The token endpoint.
    pub token_url: String,
    /// Who asks.
    pub client_id: String,
    /// The secret of who asks.
    pub client_secret: Secret,
    /// What the token is for.
    pub scope: Option<String>,
    /// Whom the token is for, at servers that ask.
    pub audience: Option<String>,
    /// How client and secret are shown.
    pub shown: OauthShown,
}

/// How an OAuth client shows itself (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthShown {
    /// In the form that is posted: what all large servers take.
    Post,
    /// In an `authorization: Basic` header.
    Basic,
}

/// Through which proxy an address is reached.
#[derive(Clone, PartialEq, Eq)]
pub enum Proxies {
    /// As the environment says.
    Environment(BTreeMap<String, String>),
    /// This one, but for addresses of the own machine and its metadata service.
    This(String),
    /// None.
    Direct,
}

impl Proxies {
    /// The proxy to a base URL. The own machine and the metadata service of its host are never
    /// reached through one: it could not know who asks.
    pub fn to(&self, base_url: &str) -> Option<String> {
        let address = Address::read(base_url).ok()?;
        if address.is_loopback() || address.is_metadata() {
            return None;
        }
        match self {
            Self::Environment(env) => proxy::from_environment(&address, env),
            Self::This(proxy) => Some(proxy.clone()),
            Self::Direct => None,
        }
    }
}

impl fmt::Debug for Proxies {
    /// A proxy's address may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment(_) => "Environment",
            Self::This(_) => "This",
            Self::Direct => "Direct",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metadata_service_is_never_reached_through_a_proxy() {
        let proxy = Proxies::This("http://proxy:3128".to_owned());
        let by = |url: &str| proxy.to(url).is_some();
        assert!(by("https://login.microsoftonline.com"));
        for near in [Entra::METADATA, Google::METADATA, "http://127.0.0.1:41741"] {
            assert!(!by(near), "{near}");
        }
        assert!(!format!("{proxy:?}").contains("3128"));
    }
}
