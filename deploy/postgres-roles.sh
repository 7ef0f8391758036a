#!/bin/sh
# The first start of PostgreSQL: the owner of the tables, the application's role, and the database. Neither role is a
# superuser, and the application's role owns nothing. OKR_OWNER_PASSWORD and OKR_APP_PASSWORD are the passwords.
set -eu

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres \
	--set owner_password="$OKR_OWNER_PASSWORD" --set app_password="$OKR_APP_PASSWORD" <<'SQL'
CREATE ROLE okr_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE okr_app LOGIN PASSWORD :'app_password';
ALTER ROLE okr_app SET idle_in_transaction_session_timeout = '2s';
ALTER ROLE okr_app SET lock_timeout = '2s';
ALTER ROLE okr_app SET statement_timeout = '30s';
CREATE DATABASE okr OWNER okr_owner;
SQL
