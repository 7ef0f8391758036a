# For the pages of this folder: where the service is, and five short words for a shell. Read it in with `. docs/examples/setup.sh`
# in the project's folder while `make up` runs, or with OKR_URL and OKR_API_KEY set to a service of your own.

if [ -z "${OKR_URL:-}" ] || [ -z "${OKR_API_KEY:-}" ]; then
    OKR_URL=$(python3 -c 'import json; print(json.load(open(".okr/up.json"))["url"])')
    OKR_API_KEY=$(python3 -c 'import json; print(json.load(open(".okr/up.json"))["api_key"])')
fi
export OKR_URL OKR_API_KEY

# api PATH [CURL OPTIONS]: one request with the key; the answer and a line's end. What is sent is JSON unless a header says otherwise.
api() {
    _path=$1
    shift
    case "$*" in *[Cc]ontent-[Tt]ype:*) ;; *) set -- -H "Content-Type: application/json" "$@" ;; esac
    curl -sS -w '\n' -H "Authorization: Bearer $OKR_API_KEY" "$OKR_URL$_path" "$@"
}

# okr COMMAND: the command of this project, which `make up` put into .venv.
okr() { if [ -x .venv/bin/okr ]; then .venv/bin/okr "$@"; else command okr "$@"; fi; }

# pick PATH...: parts of a JSON answer on one line, as in `api /v1/me | pick organization.name api_key.scopes.0`.
pick() { python3 docs/examples/pick.py "" "$@"; }

# rows LIST PATH...: the same for each item of a list, as in `api /v1/teams | rows items name kind`.
rows() { python3 docs/examples/pick.py "$@"; }

# day N: the date N days from today, as in `day -7`.
day() { python3 -c 'import datetime, sys; print(datetime.date.today() + datetime.timedelta(days=int(sys.argv[1])))' "$1"; }
