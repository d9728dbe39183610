package db

// A statement is the index of a prepared statement.
type statement int

const (
	findSession statement = iota
	listSessions
	insertSession
	sessionStands
	evictSessions
	slideSession
	endSession
	endOne
	endOthers
	endAll
	dropTokens
	dropSessions
	deleteEnded
	deleteRealm
	insertToken
	spendToken
	replaceSuccessor
	retryToken
	findToken
	findFamily
	findSessionByID
	slideFamily
	endFamily
	deleteEndedTokens
	deleteRealmTokens
	deleteRealmLists
	findListed
	replaceList
	findUser
	findUserInTx
	findMember
	findMemberByID
	listMembers
	findOtherAdmin
	findAccount
	insertUser
	insertAccount
	updateUser
	updateAccount
	findAccountInTx
	listAccounts
	deleteAccount
	keepTokens
	findPassword
	setPassword
	rehash
	dropPassword
	deleteUser
	insertDeparted
	deleteDeparted
	deleteEndedLinks
	setRole
	disableUser
	enableUser
	raiseEpoch
)

// The kinds of statements, as receipts count them. The kind also says on which
// pool a statement is prepared.
const (
	kindRead  = "read"
	kindWrite = "write"
	kindLook  = "look" // a read within a write transaction; counted as a read
)

// What sessionRow and userDest take in. A row that is being updated has no join in
// its RETURNING clause; sub-selects bring the user there without another read.
const (
	sessionColumns = `sessions.id, sessions.device, sessions.issued_at, sessions.expires_at, sessions.ends_at, sessions.remember, COALESCE(sessions.ended_at, 0)`
	userColumns    = `users.id, users.email, users.name, users.picture, users.role, users.epoch, users.disabled_at IS NOT NULL`
	memberColumns  = userColumns + `, users.email_verified, users.created_at, COALESCE(users.disabled_at, 0)`
	accountColumns = `accounts.email, accounts.email_verified, NOT EXISTS (
			SELECT 1 FROM accounts AS earlier WHERE earlier.user_id = accounts.user_id AND earlier.place < accounts.place)`
	userOfSession = `user_id,
		(SELECT email FROM users WHERE users.id = user_id),
		(SELECT name FROM users WHERE users.id = user_id),
		(SELECT picture FROM users WHERE users.id = user_id),
		(SELECT role FROM users WHERE users.id = user_id),
		(SELECT epoch FROM users WHERE users.id = user_id),
		(SELECT disabled_at IS NOT NULL FROM users WHERE users.id = user_id)`
)

// familyOfToken is the family of the token with hash $1 in realm $2.
const familyOfToken = `(
			SELECT family FROM refresh_tokens WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2)`

// familyIsAlive is the condition that the family of a token in realm $2 is alive at
// $3 and its user enabled.
const familyIsAlive = `EXISTS (
			SELECT 1 FROM sessions JOIN users ON users.id = user_id
			WHERE sessions.id = refresh_tokens.family AND sessions.realm = $2 AND sessions.ended_at IS NULL
				AND sessions.expires_at > $3 AND sessions.ends_at > $3 AND users.disabled_at IS NULL)`

// isExcess is the condition that a row has ended by $3 and is not among the first $4 rows
// of user $1 in realm $2. Rows that nobody ended come first, and newer ones before older.
// It matches at most 100 rows.
const isExcess = `(ended_at IS NOT NULL OR expires_at <= $3 OR ends_at <= $3) AND hash IN (
			SELECT hash FROM sessions WHERE user_id = $1 AND realm = $2
			ORDER BY ended_at IS NOT NULL, seq DESC LIMIT 100 OFFSET $4)`

// A query is the text of a statement and its kind.
type query struct{ kind, text string }

// statements holds the statements that every program prepares. Others are beside what
// uses them, those of the schema in migrate.go and migrations.
var statements = []query{
	findSession: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM sessions JOIN users ON users.id = user_id
		WHERE hash = $1 AND realm = $2`},
	listSessions: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM sessions JOIN users ON users.id = user_id
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $3 AND ends_at > $3
		ORDER BY issued_at DESC, sessions.id`},
	insertSession: {kindWrite, `
		INSERT INTO sessions (hash, realm, id, user_id, device, issued_at, expires_at, ends_at, remember, ended_at, seq)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
			(SELECT COALESCE(MAX(seq), 0) + 1 FROM sessions WHERE user_id = $4 AND realm = $2)
		WHERE EXISTS (SELECT 1 FROM users WHERE users.id = $4 AND users.disabled_at IS NULL AND users.epoch = $11)
		RETURNING seq`},
	sessionStands: {kindLook, `
		SELECT 1 FROM sessions WHERE realm = $1 AND id = $2 AND user_id = $3 AND ended_at IS NULL`},
	// SQLite wants a LIMIT before an OFFSET.
	evictSessions: {kindWrite, `
		UPDATE sessions SET ended_at = $4 WHERE hash IN (
			SELECT hash FROM sessions
			WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $4 AND ends_at > $4 AND hash <> $3
			ORDER BY seq DESC, issued_at DESC, hash LIMIT 1000000 OFFSET $5)`},
	slideSession: {kindWrite, `
		UPDATE sessions SET expires_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END
		WHERE hash = $1 AND realm = $2 AND ended_at IS NULL AND expires_at > $4 AND ends_at > $4
		RETURNING ` + sessionColumns + `, ` + userOfSession},
	endSession: {kindWrite, `
		UPDATE sessions SET ended_at = $3 WHERE hash = $1 AND realm = $2 AND ended_at IS NULL`},
	endOne: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND id = $4`},
	endOthers: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL AND id <> $4`},
	endAll: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE user_id = $1 AND realm = $2 AND ended_at IS NULL`},
	dropTokens: {kindWrite, `
		DELETE FROM refresh_tokens WHERE realm = $2 AND family IN (SELECT id FROM sessions WHERE ` + isExcess + `)`},
	dropSessions: {kindWrite, `
		DELETE FROM sessions WHERE ` + isExcess},
	deleteEnded: {kindWrite, `
		DELETE FROM sessions WHERE hash IN (
			SELECT hash FROM sessions WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)`},
	deleteRealm: {kindWrite, `
		DELETE FROM sessions WHERE realm = $1 OR (realm >= $2 AND realm < $3)`},

	insertToken: {kindWrite, `
		INSERT INTO refresh_tokens (hash, realm, family, expires_at, ends_at) VALUES ($1, $2, $3, $4, $5)`},
	spendToken: {kindWrite, `
		UPDATE refresh_tokens SET used_at = $3, successor = $4, next = $5
		WHERE hash = $1 AND realm = $2 AND used_at IS NULL AND dead_at IS NULL AND expires_at > $3 AND ` + familyIsAlive},
	// The successor of the spent token $1 dies, if nobody spent it and it was not
	// replaced before, the spent token has not expired, and this is outside the grace
	// of $4 ms.
	replaceSuccessor: {kindWrite, `
		UPDATE refresh_tokens SET dead_at = $3
		WHERE realm = $2 AND used_at IS NULL AND dead_at IS NULL AND hash = (
			SELECT spent.next FROM refresh_tokens AS spent
			WHERE spent.hash = $1 AND spent.realm = $2 AND spent.retried_at IS NULL AND spent.dead_at IS NULL
				AND spent.expires_at > $3 AND (spent.used_at <= $3 - $4 OR spent.used_at >= $3 + $4)) AND ` + familyIsAlive + `
		RETURNING expires_at`},
	retryToken: {kindWrite, `
		UPDATE refresh_tokens SET retried_at = $3, successor = $4, next = $5
		WHERE hash = $1 AND realm = $2`},
	findToken: {kindLook, `
		SELECT ` + sessionColumns + `, ` + userColumns + `,
			COALESCE(refresh_tokens.retried_at, refresh_tokens.used_at, 0), refresh_tokens.dead_at IS NOT NULL,
			refresh_tokens.expires_at, COALESCE(refresh_tokens.successor, '')
		FROM refresh_tokens
		JOIN sessions ON sessions.id = family AND sessions.realm = refresh_tokens.realm
		JOIN users ON users.id = user_id
		WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2`},
	findFamily: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `, refresh_tokens.dead_at IS NOT NULL
		FROM refresh_tokens
		JOIN sessions ON sessions.id = family AND sessions.realm = refresh_tokens.realm
		JOIN users ON users.id = user_id
		WHERE refresh_tokens.hash = $1 AND refresh_tokens.realm = $2`},
	findSessionByID: {kindRead, `
		SELECT ` + sessionColumns + `, ` + userColumns + `
		FROM sessions JOIN users ON users.id = user_id
		WHERE sessions.id = $1 AND realm = $2`},
	slideFamily: {kindWrite, `
		UPDATE sessions SET expires_at = CASE WHEN ends_at < $3 THEN ends_at ELSE $3 END
		WHERE id = ` + familyOfToken + ` AND realm = $2
		RETURNING ` + sessionColumns + `, ` + userOfSession},
	endFamily: {kindWrite, `
		UPDATE sessions SET ended_at = $3
		WHERE id = ` + familyOfToken + ` AND realm = $2 AND ended_at IS NULL`},
	deleteEndedTokens: {kindWrite, `
		DELETE FROM refresh_tokens WHERE hash IN (
			SELECT hash FROM refresh_tokens WHERE ends_at <= $1 ORDER BY ends_at LIMIT $2)`},
	deleteRealmTokens: {kindWrite, `
		DELETE FROM refresh_tokens WHERE realm = $1 OR (realm >= $2 AND realm < $3)`},
	deleteRealmLists: {kindWrite, `
		DELETE FROM session_lists WHERE realm = $1 OR (realm >= $2 AND realm < $3)`},

	findListed: {kindRead, `
		SELECT ` + userColumns + `, COALESCE((
			SELECT generation FROM session_lists WHERE session_lists.user_id = users.id AND realm = $2), '')
		FROM users WHERE users.id = $1`},
	replaceList: {kindWrite, `
		INSERT INTO session_lists (user_id, realm, generation)
		SELECT $1, $2, $4 WHERE EXISTS (SELECT 1 FROM users WHERE users.id = $1)
		ON CONFLICT (user_id, realm) DO UPDATE SET generation = excluded.generation
		WHERE session_lists.generation = $3`},

	findUser: {kindRead, `
		SELECT ` + userColumns + ` FROM users WHERE users.id = $1`},
	findUserInTx: {kindLook, `
		SELECT ` + userColumns + ` FROM users WHERE users.id = $1`},
	findMember: {kindRead, `
		SELECT ` + userColumns + `, users.created_at FROM users WHERE users.id = $1`},
	findMemberByID: {kindRead, `
		SELECT ` + memberColumns + ` FROM users WHERE users.id = $1`},
	listMembers: {kindRead, `
		SELECT ` + memberColumns + ` FROM users
		WHERE ($1 = '' OR lower(email) = $1)
			AND ($2 = '' OR lower(email) LIKE $2 ESCAPE '\' OR lower(name) LIKE $2 ESCAPE '\')
			AND ($3 = '' OR role = $3 AND disabled_at IS NULL)
			AND (created_at < $4 OR created_at = $4 AND id > $5 OR $4 = 0)
		ORDER BY created_at DESC, id LIMIT $6`},
	findOtherAdmin: {kindLook, `
		SELECT 1 FROM users WHERE role = 'admin' AND disabled_at IS NULL AND id <> $1 LIMIT 1`},
	findAccount: {kindRead, `
		SELECT ` + accountColumns + `, ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	findAccountInTx: {kindLook, `
		SELECT ` + accountColumns + `, ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	listAccounts: {kindRead, `
		SELECT provider, issuer, subject, email, email_verified <> 0, created_at, COALESCE(tokens, ''),
			provider = 'password' AND EXISTS (SELECT 1 FROM users WHERE users.id = user_id AND password_hash IS NOT NULL)
		FROM accounts WHERE user_id = $1 ORDER BY place`},
	insertUser: {kindWrite, `
		INSERT INTO users (id, email, email_verified, name, picture, role, epoch, password_hash, created_at, updated_at)
		SELECT $1, $2, $3, $4, $5, $6, 0, $8, $7, $7 WHERE NOT EXISTS (SELECT 1 FROM departed WHERE departed.id = $1)
		ON CONFLICT (id) DO NOTHING`},
	// One account of a provider for each user, and each account for one user:
	// whatever conflicts is not inserted.
	insertAccount: {kindWrite, `
		INSERT INTO accounts (issuer, subject, provider, user_id, email, email_verified, created_at, place)
		SELECT $1, $2, $3, $4, $5, $6, $7, (SELECT COALESCE(MAX(place) + 1, 0) FROM accounts WHERE user_id = $4)
		WHERE EXISTS (SELECT 1 FROM users WHERE id = $4)
		ON CONFLICT DO NOTHING`},
	deleteAccount: {kindWrite, `
		DELETE FROM accounts WHERE user_id = $1 AND provider = $2 AND EXISTS (
			SELECT 1 FROM accounts AS other WHERE other.user_id = $1 AND other.provider <> $2)`},
	keepTokens: {kindWrite, `
		UPDATE accounts SET tokens = $3 WHERE issuer = $1 AND subject = $2`},
	findPassword: {kindRead, `
		SELECT COALESCE(users.password_hash, ''), ` + userColumns + `
		FROM accounts JOIN users ON users.id = accounts.user_id
		WHERE accounts.issuer = $1 AND accounts.subject = $2`},
	setPassword: {kindWrite, `
		UPDATE users SET password_hash = $2, epoch = epoch + 1, updated_at = $3
		WHERE id = $1 AND COALESCE(password_hash, '') = $4`},
	rehash: {kindWrite, `
		UPDATE users SET password_hash = $3, updated_at = $4 WHERE id = $1 AND password_hash = $2`},
	dropPassword: {kindWrite, `
		UPDATE users SET password_hash = NULL, updated_at = $2 WHERE id = $1`},
	deleteUser: {kindWrite, `
		DELETE FROM users WHERE id = $1`},
	insertDeparted: {kindWrite, `
		INSERT INTO departed (id, until) VALUES ($1, $2)
		ON CONFLICT (id) DO NOTHING`},
	deleteDeparted: {kindWrite, `
		DELETE FROM departed WHERE id IN (
			SELECT id FROM departed WHERE until <= $1 ORDER BY until LIMIT $2)`},
	deleteEndedLinks: {kindWrite, `
		DELETE FROM links WHERE hash IN (
			SELECT hash FROM links WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)`},
	updateUser: {kindWrite, `
		UPDATE users SET email = $2, email_verified = $3, name = $4, picture = $5, updated_at = $6 WHERE id = $1`},
	updateAccount: {kindWrite, `
		UPDATE accounts SET email = $3, email_verified = $4 WHERE issuer = $1 AND subject = $2`},
	setRole: {kindWrite, `
		UPDATE users SET role = $2, updated_at = $3 WHERE id = $1`},
	disableUser: {kindWrite, `
		UPDATE users SET disabled_at = COALESCE(disabled_at, $2), epoch = epoch + 1, updated_at = $2 WHERE id = $1`},
	enableUser: {kindWrite, `
		UPDATE users SET disabled_at = NULL, updated_at = $2 WHERE id = $1`},

	raiseEpoch: {kindWrite, `
		UPDATE users SET epoch = epoch + 1, updated_at = $2 WHERE id = $1`},
}
