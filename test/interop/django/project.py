"""Django OAuth Toolkit in one file: `project.py runserver`, and `project.py shell` for what the tests do to accounts."""
import os
import sys

import django
from django.conf import settings
from django.core.management import execute_from_command_line
from django.urls import include, path

SIGN_IN_PAGE = '<form method="post">{% csrf_token %}{{ form }}<button name="sign_in">Sign in</button></form>'

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "oauth2_provider",
    ],
    MIDDLEWARE=[
        "django.middleware.common.CommonMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    OAUTH2_PROVIDER={
        "OIDC_ENABLED": True,
        "OIDC_RSA_PRIVATE_KEY": os.environ["PRIVATE_KEY"],
        "ACCESS_TOKEN_EXPIRE_SECONDS": int(os.environ["LIFETIME"]),
        "SCOPES": {scope: scope for scope in os.environ["SCOPES"].split()},
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="made up",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    ("django.template.loaders.locmem.Loader", {"registration/login.html": SIGN_IN_PAGE}),
                    "django.template.loaders.app_directories.Loader",
                ],
            },
        }
    ],
    USE_TZ=True,
)

django.setup()

urlpatterns = [
    path("o/", include("oauth2_provider.urls", namespace="oauth2_provider")),
    path("accounts/", include("django.contrib.auth.urls")),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
