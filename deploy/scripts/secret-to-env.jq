# A secret of AWS Secrets Manager as lines of app.env. server/src/config/secret.ts says what a secret
# may be and makes the same of it; server/src/config/app-env.ts says how a value is quoted: as a JSON
# string, which is what `tojson` makes.

def good($form; $name): if test($form) then . else error("the secret has no good " + $name) end;

def text($name):
  if type == "string" then .
  elif type == "number" or type == "boolean" then tostring
  else error("the secret has " + $name + ", which is neither text nor a number") end;

# Leaves only what RFC 3986 calls unreserved, also where @uri leaves more.
def encoded:
  @uri | gsub("!"; "%21") | gsub("\u0027"; "%27") | gsub("\\("; "%28") | gsub("\\)"; "%29")
  | gsub("\\*"; "%2A");

def database_url:
  ((.host // "") | text("host") | good("^([A-Za-z0-9.-]+|\\[[0-9A-Fa-f:]+\\])$"; "host")) as $host
  | ((.port // 5432) | text("port") | good("^[0-9]{1,5}$"; "port")) as $port
  | ((.dbname // "") | text("dbname") | good("^[A-Za-z0-9_-]+$"; "dbname")) as $database
  | ((.sslmode // "verify-full") | text("sslmode") | good("^[a-z-]+$"; "sslmode")) as $sslmode
  | "postgresql://" + (.username | text("username") | encoded) + ":"
    + (.password | text("password") | encoded)
    + "@" + $host + ":" + $port + "/" + $database + "?sslmode=" + $sslmode;

def settings:
  if type != "object" then error("the secret is not a JSON object") else . end
  | (has("username") and has("password") and has("host")) as $is_database
  | (if $is_database then {($url_key): database_url} else {} end)
    + (to_entries
      | map(
          if .key | test("^[A-Z][A-Z0-9_]*$") then .key as $key | .value |= text($key)
          elif $is_database then empty
          else error("the secret has " + (.key | tojson)
            + ", which is no setting, and not username, password and host")
          end)
      | from_entries);

if length != 1 then error("one secret is wanted on standard input") else .[0] end
| settings | to_entries[] | .key + "=" + (.value | tojson)
