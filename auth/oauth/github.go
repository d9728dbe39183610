package oauth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/oauth2"

	"sessionlab/auth"
)

// GitHubEndpoints are GitHub's addresses. It offers OAuth but no OpenID: there is no
// discovery and no ID token, and its API tells which user an access token belongs to.
type GitHubEndpoints struct {
	Authorize string
	Token     string
	API       string // without a trailing slash
}

// NewGitHub returns GitHub as a provider. Its issuer is what its metadata and
// the iss of its callbacks say.
func NewGitHub(clientID, clientSecret string) *Provider {
	return &Provider{
		ID: "github", Name: "GitHub", Issuer: "https://github.com/login/oauth",
		ClientID: clientID, ClientSecret: clientSecret,
		GitHub: &GitHubEndpoints{
			Authorize: "https://github.com/login/oauth/authorize",
			Token:     "https://github.com/login/oauth/access_token",
			API:       "https://api.github.com",
		},
	}
}

func (p *Provider) github(client *http.Client) *endpoints {
	api := &githubAPI{client, p.GitHub.API}
	return &endpoints{
		oauth2: oauth2.Endpoint{
			AuthURL: p.GitHub.Authorize, TokenURL: p.GitHub.Token,
			AuthStyle: oauth2.AuthStyleInParams,
		},
		scopes:   []string{"read:user", "user:email"},
		identify: api.identify,
	}
}

type githubAPI struct {
	client *http.Client
	url    string
}

// githubEmail is an address of somebody at GitHub. The one in their profile is
// what they chose to publish and is not said to be verified.
type githubEmail struct {
	Email    text     `json:"email"`
	Primary  verified `json:"primary"`
	Verified verified `json:"verified"`
}

// identify asks who the token is for. GitHub signs nothing: it is believed because the
// token came from its token endpoint, for this flow's code and verifier. There is no ID
// token, so the nonce is not used.
func (g *githubAPI) identify(ctx context.Context, token *oauth2.Token, _ string) (auth.Identity, error) {
	ctx, note := begin(ctx, StepUserInfo)
	who, err := g.whoIs(ctx, token)
	note.add(func(s *Step) { s.Got = identityParams(who) })
	return who, note.end(err)
}

func (g *githubAPI) whoIs(ctx context.Context, token *oauth2.Token) (auth.Identity, error) {
	var user struct {
		ID      int64 `json:"id"` // stable; the login may pass to somebody else
		Login   text  `json:"login"`
		Name    text  `json:"name"`
		Email   text  `json:"email"`
		Picture text  `json:"avatar_url"`
	}
	if err := getJSON(ctx, g.client, g.url+"/user", token.AccessToken, &user); err != nil {
		return auth.Identity{}, callError("GitHub user", err)
	}
	if user.ID <= 0 {
		return auth.Identity{}, ErrIdentity.withDetail("GitHub user without an id")
	}
	email, err := g.email(ctx, token, user.Email)
	if err != nil {
		return auth.Identity{}, err
	}
	return auth.Identity{
		Subject: strconv.FormatInt(user.ID, 10),
		Email:   string(email.Email), EmailVerified: bool(email.Verified) && email.Email != "",
		Name: string(cmp.Or(user.Name, user.Login)), Picture: string(user.Picture),
	}, nil
}

// email chooses the best address: a verified one before others, the primary one
// among equals, and the published one, unverified, if GitHub lists none. Whoever
// registered the client, or the person, may withhold the list.
func (g *githubAPI) email(ctx context.Context, token *oauth2.Token, published text) (githubEmail, error) {
	var all []githubEmail
	if err := getJSON(ctx, g.client, g.url+"/user/emails", token.AccessToken, &all); err != nil {
		if err := callError("GitHub emails", err); errors.Is(err, ErrUnavailable) {
			return githubEmail{}, err
		}
		all = nil
	}
	all = slices.DeleteFunc(all, func(e githubEmail) bool { return e.Email == "" })
	if len(all) == 0 {
		return githubEmail{Email: published}, nil
	}
	return slices.MaxFunc(all, func(a, b githubEmail) int { return a.rank() - b.rank() }), nil
}

func (e githubEmail) rank() int {
	rank := 0
	if e.Verified {
		rank += 2
	}
	if e.Primary {
		rank++
	}
	return rank
}
