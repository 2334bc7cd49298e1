using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace OpsPlatform.Identity.Users;

internal static class NewUser
{
    private static readonly string[] TakenCodes = [nameof(IdentityErrorDescriber.DuplicateEmail), nameof(IdentityErrorDescriber.DuplicateUserName)];

    /// <summary>Stores a user whose password is hashed already. False: the e-mail address is taken, and a transaction at hand is lost.</summary>
    public static async Task<bool> TryCreate(this UserManager<User> users, User user)
    {
        try
        {
            var result = await users.CreateAsync(user);

            return result switch
            {
                { Succeeded: true } => true,
                _ when result.Errors.All(error => TakenCodes.Contains(error.Code)) => false,
                _ => throw new InvalidOperationException($"The user cannot be stored: {result}"),
            };
        }
        catch (DbUpdateException lost) when (lost.InnerException is PostgresException
        {
            SqlState: PostgresErrorCodes.UniqueViolation, ConstraintName: "users_email_taken" or "users_user_name_taken"
        })
        {
            return false;
        }
    }
}
