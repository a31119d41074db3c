# The portal of LemonLDAP::NG, with people of the tests in place of its demonstration accounts.
use strict;
use warnings;

# It loads captchas whether or not they are on, and these need pictures.
{
    package Lemonldap::NG::Portal::Captcha::SecurityImage;
    use Mouse;
    extends 'Lemonldap::NG::Portal::Main::Plugin';
    sub init { 1 }
    $INC{'Lemonldap/NG/Portal/Captcha/SecurityImage.pm'} = __FILE__;
}

package main;

use Lemonldap::NG::Portal;
use Lemonldap::NG::Portal::UserDB::Demo;

%Lemonldap::NG::Portal::UserDB::Demo::demoAccounts =
  map { $_ => { uid => $_, cn => $_, mail => "$_\@example.com" } } split / /, $ENV{PEOPLE};

Lemonldap::NG::Portal->run( {} );
