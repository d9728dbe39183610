package handlers

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"sessionlab/auth"
	"sessionlab/views"
)

const (
	adminPath  = "/admin/users"
	usersShown = 50 // on a page
)

func adminUserPath(id string) string { return adminPath + "/" + url.PathEscape(id) }

var (
	errUnknownUser = &Problem{Status: 404, Code: "unknown_user", Title: "No such user", Text: "Nobody has that id. The user may have been deleted."}
	errLastAdmin   = &Problem{Status: 409, Code: "last_admin", Title: "That is the last administrator", Text: "Nobody could administer this site afterwards. Make somebody else an administrator first."}
	errUnknownRole = &Problem{Status: 400, Code: "unknown_role", Title: "No such role", Text: "A user is a member or an administrator. Nothing was changed."}
)

// adminDone maps an action to the notice that the admin page shows after it.
var adminDone = map[string]string{
	"role":    "The role was changed.",
	"disable": "The account is disabled.",
	"enable":  "The account is enabled. The user has to sign in again.",
	"revoke":  "All sessions of the user were ended.",
	"delete":  "The user was deleted.",
}

// adminUsers lists the users, the newest first, and searches them.
func (s *Site) adminUsers(c echo.Context) error {
	q := auth.MemberQuery{Search: c.QueryParam("search"), Limit: usersShown + 1}
	if after := c.QueryParam("after"); after != "" {
		joined, err := strconv.ParseInt(c.QueryParam("joined"), 10, 64)
		if err != nil {
			return errBadForm
		}
		q.After = auth.Member{User: auth.User{ID: after}, JoinedAt: time.UnixMilli(joined)}
	}
	list, err := s.Administration.Members(c.Request().Context(), q)
	if err != nil {
		return Unavailable(err)
	}
	m := views.Users{Search: q.Search}
	if len(list) > usersShown {
		list = list[:usersShown]
		last := list[usersShown-1]
		m.Next = adminPath + "?" + url.Values{
			"search": {q.Search}, "after": {last.ID}, "joined": {strconv.FormatInt(last.JoinedAt.UnixMilli(), 10)},
		}.Encode()
	}
	for _, member := range list {
		m.Users = append(m.Users, s.userView(member))
	}
	p := s.Page(c.Request(), "Users")
	if c.QueryParam("done") == "delete" {
		p.Notice = &views.Notice{Kind: "done", Text: adminDone["delete"]}
	}
	return Render(c.Response(), http.StatusOK, views.UsersPage(p, m))
}

func (s *Site) userView(m auth.Member) views.User {
	u := views.User{
		ID: m.ID, Href: adminUserPath(m.ID), Name: m.Name, Email: m.Email, Verified: m.EmailVerified,
		Admin: m.Role == auth.RoleAdmin, Joined: views.Relative(m.JoinedAt, s.Now()),
	}
	if m.Disabled {
		u.Disabled = views.Relative(m.DisabledAt, s.Now())
	}
	return u
}

// adminUser shows a user and the actions that an administrator can take.
func (s *Site) adminUser(c echo.Context) error {
	ctx, v := c.Request().Context(), VisitOf(c)
	member, err := s.Administration.Member(ctx, c.Param("id"))
	if errors.Is(err, auth.ErrNotFound) {
		return errUnknownUser
	}
	if err != nil {
		return Unavailable(err)
	}
	m := views.UserDetail{User: s.userView(member), Yourself: member.ID == v.Session.User.ID}
	accounts, err := s.Accounts.Accounts(ctx, member.ID)
	if err != nil {
		return Unavailable(err)
	}
	for _, a := range accounts {
		label := cmp.Or(s.accountLabel(a.Provider), a.Provider)
		m.Accounts = append(m.Accounts, views.AccountWay{Label: label, Email: a.Email, Linked: views.Relative(a.LinkedAt, s.Now())})
	}
	if r, ok := v.Manager.Strategy.(auth.Revoker); ok {
		m.CanRevoke, m.Effect = true, views.Within(r.Window())
	}
	if lister, ok := v.Manager.Strategy.(auth.Lister); ok {
		sessions, err := lister.Sessions(ctx, member.ID)
		m.Sessions = views.Plural(len(sessions), "session", "sessions")
		if err != nil { // as when Redis is down, or has lost the list: the user can be disabled all the same
			s.Log.WarnContext(ctx, "sessions not listed", "id", v.ID, "user", member.ID, "error", err)
			m.Sessions = "unknown: the list cannot be read"
		}
	}
	p := s.Page(c.Request(), member.Name)
	if text, ok := adminDone[c.QueryParam("done")]; ok {
		p.Notice = &views.Notice{Kind: "done", Text: text}
	}
	return Render(c.Response(), http.StatusOK, views.UserPage(p, m))
}

// administer applies change to the user named in the URL, on behalf of the signed-in
// administrator, logs it, and redirects to a page with a confirmation.
func (s *Site) administer(c echo.Context, act string, change func(ctx context.Context, by *auth.Standing, id string) error) error {
	if _, err := Form(c); err != nil {
		return err
	}
	ctx, v, id := c.Request().Context(), VisitOf(c), c.Param("id")
	by := v.Manager.Standing(v.Jar, v.Session)
	switch err := change(ctx, &by, id); {
	case errors.Is(err, auth.ErrNotFound):
		return errUnknownUser
	case errors.Is(err, auth.ErrLastAdmin):
		return errLastAdmin
	case errors.Is(err, auth.ErrNotAdmin):
		return errRole
	case err != nil:
		return Unavailable(err)
	}
	s.Log.InfoContext(ctx, "administered", "id", v.ID, "act", act, "by", v.Session.User.ID, "user", id)
	if act == "delete" {
		return c.Redirect(http.StatusSeeOther, adminPath+"?done=delete")
	}
	return c.Redirect(http.StatusSeeOther, adminUserPath(id)+"?done="+act)
}

func (s *Site) adminRole(c echo.Context) error {
	form, err := Form(c)
	if err != nil {
		return err
	}
	role := form.Get("role")
	if role != auth.RoleAdmin && role != auth.RoleMember {
		return errUnknownRole
	}
	return s.administer(c, "role", func(ctx context.Context, by *auth.Standing, id string) error {
		return s.Administration.SetRole(ctx, by, id, role)
	})
}

func (s *Site) adminDisable(c echo.Context) error {
	return s.administer(c, "disable", s.Administration.Disable)
}

func (s *Site) adminEnable(c echo.Context) error {
	return s.administer(c, "enable", s.Administration.Enable)
}

func (s *Site) adminDelete(c echo.Context) error {
	return s.administer(c, "delete", s.Administration.Delete)
}

// adminRevoke ends the sessions of a user. Revoke takes no Standing, so nothing is
// checked again in its transaction; the route's middleware has just checked the
// administrator.
func (s *Site) adminRevoke(c echo.Context) error {
	r, ok := VisitOf(c).Manager.Strategy.(auth.Revoker)
	if !ok {
		v := VisitOf(c)
		return notRevocable(v.Session, v.Manager.Now())
	}
	return s.administer(c, "revoke", func(ctx context.Context, _ *auth.Standing, id string) error {
		if _, err := s.Administration.Member(ctx, id); err != nil {
			return err
		}
		_, err := r.Revoke(ctx, auth.Target{UserID: id, All: true})
		return err
	})
}
