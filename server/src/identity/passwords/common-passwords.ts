/**
 * Passwords of eight characters and more that people choose most often, in lower case: the first that
 * anyone tries. The list is short on purpose. It stops what would be guessed within the few tries that
 * a login allows; for more than that there is the cost of a hash.
 */
const words = `
  00000000 01234567 0123456789 11111111 111111111 1111111111 11112222 11223344 12121212 12341234
  123123123 1234567a 12345678 123456789 1234567890 12345678910 12345678a 123456789a 1234qwer
  123qweasd 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qaz2wsx3edc 22222222 55555555 66666666 77777777
  87654321 88888888 987654321 9876543210 99999999 a1234567 a12345678 aa123456 aaaaaaaa abc12345
  abc123456 abcd1234 abcdefgh adgjmptw admin123 admin1234 administrator alexander anthony1
  asdasdasd asdf1234 asdfasdf asdfghjk asdfghjkl azertyuiop babygirl babygirl1 bananas1 baseball
  baseball1 basketball benjamin blink182 butterfly buttercup caroline changeme changeme1 charlie1
  charlotte cheese123 chelsea1 chocolate christian christopher computer computer1 consumer
  corvette danielle december diamond1 dolphins dragon12 einstein elephant elizabeth energizer
  explorer facebook fernando fireball firebird football football1 freedom1
  garfield geronimo godzilla goodluck hello123 hellokitty hello1234 helloworld iloveyou iloveyou1
  iloveyou2 infinity internet internet1 isabella jacobs12 jasmine1 jennifer jessica1 jonathan
  jordan23 joseph12 justin12 kimberly kingkong konstantin lasvegas letmein1 letmein123 liverpool
  liverpool1 london12 loveyou1 lovelove m1chelle manchester marlboro martinez master12 matthew1
  maverick mercedes metallica michael1 michelle midnight mickeymouse minecraft monkey12 monkey123
  mustang1 nicholas nintendo november nirvana1 ohmygod1 passw0rd password password! password.
  password01 password1 password1! password12 password123 password1234 password2 password3
  patricia playstation pokemon1 postgres princess princess1 qazwsxedc qazwsx123 qq123456
  qwer1234 qwert123 qwerty12 qwerty123 qwerty1234 qwerty12345 qwertyui qwertyuiop q1w2e3r4
  q1w2e3r4t5 rockstar rush2112 samantha sandiego scorpion secret12 secret123 september shadow12
  slipknot snowball softball spiderman starwars startrek steelers stephanie steven12 summer12
  sunshine sunshine1 superman superman1 superstar swordfish test1234 testtest thomas12 tinkerbell
  trustno1 undertaker valentina vanessa1 veronica victoria wachtwoord warcraft welcome1
  welcome123 westside whatever whatever1 william1 xxxxxxxxx yankees1 zaq12wsx zaq1zaq1 zxcvbnm1
  zxcvbnm123 zzzzzzzz passwort passwort1 hallo123 schalke04 motdepasse contraseña password0
  p@ssw0rd p@ssword p@ssw0rd1 pa$$w0rd 1password letmein! welcome! qwerty!!
`

const commonPasswords = new Set(words.trim().split(/\s+/))

/** Whether it is one of them, in capitals or not. */
export function isCommonPassword(password: string): boolean {
  return commonPasswords.has(password.toLowerCase())
}
